import { workerClock, serverClock } from './clock-faults.js';
import { connectionFaults } from './connection-faults.js';
import { failover } from './failover-fault.js';
import type { Fault } from './fault.js';
import { leaderFaults } from './leader-faults.js';
import { processFaults } from './process-faults.js';
import { refusal } from './refusal-fault.js';
import { serverFaults } from './server-faults.js';
import { halfOpenSubscribers } from './subscriber-faults.js';

/** Every fault this machine can make; without libfaketime no clock is stepped. */
export function allFaults(faketime: string | undefined): Fault[] {
  const clocks = faketime === undefined ? [] : [workerClock, serverClock(faketime)];
  return [
    ...processFaults,
    ...leaderFaults,
    ...serverFaults,
    refusal,
    failover,
    ...connectionFaults,
    halfOpenSubscribers,
    ...clocks,
  ];
}
