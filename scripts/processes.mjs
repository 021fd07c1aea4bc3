// Processes of our own, and the one that started us.
import { execFileSync, spawn } from 'node:child_process';
import { basename } from 'node:path';

const PATIENCE = 5_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Runs a command in a process group of its own, to its end. A signal to this process goes to all of the
 * group, and what the command leaves behind in the group ends with it: a test runner that was
 * stopped has not had the time to stop its servers.
 *
 * @returns the exit code; 128 and the like after a signal
 */
export async function runGroup(command, args, options = {}) {
  const child = spawn(command, args, { stdio: 'inherit', ...options, detached: true });
  const kill = (signal) => {
    try {
      process.kill(-child.pid, signal);
    } catch {
      // The group is empty.
    }
  };
  let stopped = false;
  const pass = (signal) => {
    stopped = true;
    kill(signal);
    // Not before the runner had the time to end by itself.
    setTimeout(() => kill('SIGKILL'), PATIENCE).unref();
  };
  for (const signal of SIGNALS) process.on(signal, pass);
  const unwatch = whenParentEnds(() => pass('SIGTERM'));
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => resolve(status ?? 130));
  });
  unwatch();
  for (const signal of SIGNALS) process.off(signal, pass);
  kill('SIGKILL');
  return stopped && code === 0 ? 130 : code;
}

/**
 * Calls back once when npm, which started this process, has ended: npm that is killed takes nobody
 * along, and tells nobody. Returns what ends the watch.
 */
export function whenParentEnds(callback) {
  // Started by hand, in the background perhaps, this process may well outlive its shell.
  if (process.env.npm_lifecycle_event === undefined) return () => undefined;
  const parent = process.ppid;
  const npm = npmBehind(parent);
  const timer = setInterval(() => {
    if (process.ppid === parent && isAlive(npm)) return;
    clearInterval(timer);
    callback();
  }, 500);
  timer.unref();
  return () => clearInterval(timer);
}

/** npm starts a script through a shell, which some shells leave in between. */
function npmBehind(parent) {
  try {
    const args = ['-o', 'ppid=,comm=', '-p', String(parent)];
    const [, above, command] = /(\d+)\s+(.*)/.exec(execFileSync('ps', args, { encoding: 'utf8' }));
    return /^-?(ba|da|a|z|k)?sh$/.test(basename(command.trim())) ? Number(above) : parent;
  } catch {
    return parent;
  }
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}
