import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The wall clock of a child process, which can be stepped while it runs. */
export class FakeClock {
  private readonly dir = mkdtempSync(join(tmpdir(), 'nest-locked-clock-'));
  private readonly file = join(this.dir, 'offset');

  /** @param rate how fast it runs, as a share of the real one */
  constructor(
    private readonly library: string,
    private readonly rate = 1,
  ) {
    this.step(0);
  }

  /** Sets it off from the real one by so many ms; negative is back. */
  step(ms: number): void {
    const rate = this.rate === 1 ? '' : ` x${this.rate}`;
    // The child reads the file whenever it looks at its clock: it must never find half of it.
    writeFileSync(`${this.file}.new`, `${ms < 0 ? '-' : '+'}${Math.abs(ms) / 1000}s${rate}\n`);
    renameSync(`${this.file}.new`, this.file);
  }

  /** What the child's environment must say; the monotonic clock stays the machine's. */
  environment(further = ''): NodeJS.ProcessEnv {
    return {
      ...process.env,
      LD_PRELOAD: `${this.library}${further}`,
      FAKETIME_TIMESTAMP_FILE: this.file,
      FAKETIME_NO_CACHE: '1',
      DONT_FAKE_MONOTONIC: '1',
    };
  }

  dispose(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** libfaketime, installed if this is Debian and we may; else the reason why not. */
export function findFaketime(): { library: string } | { missing: string } {
  if (process.platform !== 'linux') return { missing: 'libfaketime is used on Linux only' };
  const found = locate();
  if (found) return { library: found };
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    return { missing: 'libfaketime is not installed (Debian: apt-get install libfaketime)' };
  }
  const options = { stdio: 'ignore', timeout: 120_000 } as const;
  const install = ['install', '-y', '--no-install-recommends', 'libfaketime'];
  if (spawnSync('apt-get', install, options).status !== 0) {
    spawnSync('apt-get', ['update'], options);
    spawnSync('apt-get', install, options);
  }
  const installed = locate();
  return installed ? { library: installed } : { missing: 'apt-get could not install libfaketime' };
}

function locate(): string | undefined {
  return ['', ...readdirSync('/usr/lib')]
    .map((triplet) => join('/usr/lib', triplet, 'faketime/libfaketimeMT.so.1'))
    .find((path) => existsSync(path));
}
