/** msgpackr ships no types for its build without `new Function`; they are those of its index. */
declare module 'msgpackr/index-no-eval' {
  export { Packr, Unpackr } from 'msgpackr';
}
