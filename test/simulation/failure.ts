/** What a simulation found: a promise that was not kept. */
export class SimulationFailure extends Error {
  override readonly name = 'SimulationFailure';
}

export function check(condition: boolean, promise: string, facts: () => unknown = () => ''): void {
  if (condition) return;
  throw new SimulationFailure(`${promise}: ${JSON.stringify(facts())}`);
}
