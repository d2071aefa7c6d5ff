/**
 * Starts `parlor dev` on free ports with an empty data directory, and stops it by its process id.
 *
 * PARLOR_TEST_BIN names the binary; PARLOR_TEST_URL names a server that runs already and is left alone.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const READY_MS = 120_000;
const STOP_MS = 15_000;
const here = import.meta.dirname;
const root = resolve(here, '../../..');

/** A server of a test: where it is, and how it ends. */
export interface Server {
  url: string;
  /** Ends it as a crash would: at once, and without a word to its PostgreSQL. */
  kill: () => Promise<void>;
  /** Starts it again on the same ports and data. */
  start: () => Promise<void>;
  /** Stops it in order and removes its data. */
  remove: () => Promise<void>;
}

export default async function startServer(): Promise<(() => Promise<void>) | undefined> {
  if (process.env['PARLOR_TEST_URL'] !== undefined) return undefined;
  const server = await newServer('server');
  process.env['PARLOR_TEST_URL'] = server.url;
  return server.remove;
}

/** A server with an empty data directory; its log is `test-results/{name}.log`. */
export async function newServer(name: string): Promise<Server> {
  const binary = resolve(here, '..', process.env['PARLOR_TEST_BIN'] ?? '../../target/debug/parlor');
  const [port, hubPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const data = mkdtempSync(join(tmpdir(), 'parlor-browser-'));
  // Started by root, its PostgreSQL runs as another user, who has to get in.
  chmodSync(data, 0o755);
  const logFile = join(here, `../test-results/${name}.log`);
  mkdirSync(join(here, '../test-results'), { recursive: true });
  const log = createWriteStream(logFile);
  const args = ['dev', '--data', data, '--listen', `127.0.0.1:${port}`];
  let running: ChildProcess | undefined;

  const start = async () => {
    running = spawn(binary, [...args, '--hub-listen', `127.0.0.1:${hubPort}`], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.stdout?.pipe(log, { end: false });
    running.stderr?.pipe(log, { end: false });
    await ready(running, url, logFile);
  };
  const kill = async () => {
    if (running && isRunning(running)) {
      const gone = once(running, 'exit');
      running.kill('SIGKILL');
      await gone;
    }
  };
  const remove = async () => {
    if (running) await end(running);
    await endPostgres(data);
    rmSync(data, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await remove();
    throw error;
  }
  return { url, kill, start, remove };
}

function isRunning(server: ChildProcess): boolean {
  return server.pid !== undefined && server.exitCode === null && server.signalCode === null;
}

async function ready(server: ChildProcess, url: string, logFile: string): Promise<void> {
  let failure: Error | undefined;
  server.once('error', (error) => (failure = error));
  for (const deadline = Date.now() + READY_MS; Date.now() < deadline;) {
    if (failure) throw failure;
    if (server.exitCode !== null) throw new Error(`parlor dev ended with ${server.exitCode}; see ${logFile}`);
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error(`parlor dev was not ready in ${READY_MS / 1000} s; see ${logFile}`);
}

async function end(server: ChildProcess): Promise<void> {
  if (!isRunning(server)) return;
  const gone = once(server, 'exit');
  server.kill('SIGTERM');
  const patience = setTimeout(() => server.kill('SIGKILL'), STOP_MS);
  await gone;
  clearTimeout(patience);
}

/** A server that was killed and not started again has left its PostgreSQL running. */
async function endPostgres(data: string): Promise<void> {
  let signal: NodeJS.Signals | 0 = 'SIGINT';
  for (const deadline = Date.now() + STOP_MS; Date.now() < deadline; signal = 0) {
    try {
      const pid = Number(readFileSync(join(data, 'pg/postmaster.pid'), 'utf8').split('\n')[0]);
      process.kill(pid, signal);
    } catch {
      return;
    }
    await new Promise((wake) => setTimeout(wake, 100));
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
