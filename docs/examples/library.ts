/** An application that runs on a seat. The pool is named by LM_POOL or a card in /etc/lm/pools. */
import { LicenseClient, LmError } from 'lm';

const application = process.argv[2] ?? 'Application';
const client = new LicenseClient({ agent: 'example/1.0' });
const stop = new AbortController();
try {
  const seat = await client.request({
    application,
    waitMs: 10_000,
    onWaiting: (news) => {
      if ('place' in news) console.error(`place ${news.place.position} in the line`);
      else console.error(news.obstacle.message);
    },
  });
  // No server renewed the seat for its lifetime, or it was taken away: save, and stop working.
  seat.on('lost', (reason) => stop.abort(reason));
  console.log(`working on ${seat.application} ${seat.version}, verified: ${seat.verified}`);
  await work(stop.signal);
  console.log(`released ${await seat.release()}`);
} catch (error) {
  if (!(error instanceof LmError)) throw error;
  console.error(`${error.code}: ${error.message} ${error.hint}`);
  process.exitCode = error.exitCode;
} finally {
  // Gives back what is still held.
  await client.close();
}

async function work(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
}
