/**
 * Starts `parlor dev` on free ports with an empty data directory, and stops it by its process id.
 *
 * PARLOR_TEST_BIN names the binary; PARLOR_TEST_URL names a server that runs already and is left alone.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, createWriteStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const READY_MS = 120_000;
const STOP_MS = 15_000;
const here = import.meta.dirname;
const root = resolve(here, '../../..');

export default async function startServer(): Promise<(() => Promise<void>) | undefined> {
  if (process.env['PARLOR_TEST_URL'] !== undefined) return undefined;
  const binary = resolve(here, '..', process.env['PARLOR_TEST_BIN'] ?? '../../target/debug/parlor');
  const [port, hubPort] = [await freePort(), await freePort()];
  const data = mkdtempSync(join(tmpdir(), 'parlor-browser-'));
  // Started by root, its PostgreSQL runs as another user, who has to get in.
  chmodSync(data, 0o755);
  const logFile = join(here, '../test-results/server.log');
  mkdirSync(join(here, '../test-results'), { recursive: true });

  const args = [
    'dev',
    '--data',
    data,
    '--listen',
    `127.0.0.1:${port}`,
    '--hub-listen',
    `127.0.0.1:${hubPort}`,
  ];
  const server = spawn(binary, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const log = createWriteStream(logFile);
  server.stdout.pipe(log);
  server.stderr.pipe(log);
  const stop = async () => {
    await end(server);
    rmSync(data, { recursive: true, force: true });
  };
  try {
    const url = `http://127.0.0.1:${port}`;
    await ready(server, url, logFile);
    process.env['PARLOR_TEST_URL'] = url;
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
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
  if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const gone = once(server, 'exit');
  server.kill('SIGTERM');
  const patience = setTimeout(() => server.kill('SIGKILL'), STOP_MS);
  await gone;
  clearTimeout(patience);
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
