/** What was checked, said line by line and counted. */
export class Checks {
  private passed = 0;
  private failed = 0;

  /** @returns whether the task was fulfilled */
  async check(name: string, task: () => Promise<unknown>): Promise<boolean> {
    try {
      await task();
      this.passed += 1;
      console.log(`ok      ${name}`);
      return true;
    } catch (error) {
      this.failed += 1;
      // The message of a failed command has what it said on stderr.
      const { message, stdout = '' } = error as Error & { stdout?: string };
      console.log(`FAILED  ${name}\n${message}\n${stdout}`);
      return false;
    }
  }

  /** Says how many of each, and ends the process with them. */
  end(): void {
    console.log(`${this.passed} passed, ${this.failed} failed`);
    process.exitCode = this.failed === 0 ? 0 : 1;
  }
}
