/**
 * Runs the tests in jobs, three side by side: those that start servers wait most of the time, and
 * two of them leave a processor to one that computes. What a job printed is shown as it ended, and
 * at the end once more what failed, where who reads the last lines alone sees it.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Of these every file is a job of its own, in this order; of any other folder there is one job. */
const OF_PROCESSES = ['e2e/pool', 'e2e', 'commands'];
const OF_COMPUTING = ['simulation', 'raft'];
/** Begun first, since nothing else takes as long. */
const LONGEST = /chaos|recover|upgrade|interrupted|expiry|pool-mutants/;

const isTest = (name) => name.endsWith('.test.ts');

function filesIn(root, folder) {
  const names = readdirSync(join(root, 'test', folder)).filter(isTest);
  const long = names.filter((name) => LONGEST.test(name));
  return [...long, ...names.filter((name) => !long.includes(name))].map((name) => [
    `./test/${folder}/${name}`,
  ]);
}

/** Jobs as lists of paths: first those of processes, last what computes longest. */
function jobsOf(root) {
  const listed = [...OF_PROCESSES, ...OF_COMPUTING].map((folder) => folder.split('/')[0]);
  const entries = readdirSync(join(root, 'test'), { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory() && !listed.includes(entry.name));
  const hasTests = ({ name }) =>
    readdirSync(join(root, 'test', name), { recursive: true }).some((file) => isTest(file));
  return [
    ...OF_PROCESSES.flatMap((folder) => filesIn(root, folder)),
    entries.filter(({ name }) => isTest(name)).map(({ name }) => `./test/${name}`),
    ...folders.filter(hasTests).map(({ name }) => [`./test/${name}/`]),
    ...OF_COMPUTING.flatMap((folder) => filesIn(root, folder)).reverse(),
  ];
}

/** Whether all of them passed. */
export async function runTests({ root, environment, say }) {
  const jobs = jobsOf(root);
  const count = jobs.length;
  say(`running the tests: ${count} jobs, three at a time; each is shown when it is done`);
  let done = 0;
  const failed = [];
  const work = async (next) => {
    for (let paths = next(); paths !== undefined; paths = next()) {
      const { status, output } = await run(paths, { root, environment });
      done += 1;
      process.stderr.write(output);
      if (status !== 0) failed.push({ name: paths.join(' '), output });
      say(`${paths.join(' ')}: ${status === 0 ? 'passed' : 'FAILED'} (${done} of ${count})`);
    }
  };
  const first = () => jobs.shift();
  await Promise.all([work(first), work(first), work(() => jobs.pop())]);
  for (const { name, output } of failed) {
    say(`failed: ${name}`);
    process.stderr.write(failuresIn(output));
  }
  return failed.length === 0;
}

/** Without what passed, and without the counts, which are added up elsewhere. */
function failuresIn(output) {
  const isLeftOut = (line) => /^\(pass\)|^ *[0-9]+ (pass|fail)$/.test(line);
  const lines = output.split('\n').filter((line) => !isLeftOut(line));
  return lines.join('\n');
}

function run(paths, { root, environment }) {
  const child = spawn('bun', ['test', '--timeout', '60000', ...paths], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environment,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ status: 1, output: `${error.message}\n` }));
    child.once('close', (status) => resolve({ status: status ?? 1, output }));
  });
}
