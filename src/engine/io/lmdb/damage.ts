/** What is wrong with a database file: a clause that has the file as its subject. */
export class Damage extends Error {}
