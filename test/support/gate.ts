/** A promise with its handles outside: for work that is to wait until the test says so. */
export class Gate {
  open!: () => void;
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}

/** Work that says when it has begun and goes on when told to. */
export class Stage {
  private readonly begun = new Gate();
  private readonly end = new Gate();
  /** How often it was entered. */
  entries = 0;

  get entered(): Promise<void> {
    return this.begun.opened;
  }

  /** For the work: reports and waits. */
  async pause(): Promise<void> {
    this.entries += 1;
    this.begun.open();
    await this.end.opened;
  }

  goOn(): void {
    this.end.open();
  }
}
