/**
 * These signals end a process by default, but operators, terminals and log rotation send them to processes that
 * should continue.
 */
const signals = ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const

/** Signals that came before the log was opened. */
const waitingSignals: string[] = []
let report = (signal: string): void => {
  waitingSignals.push(signal)
}

/** From now on none of these signals ends the process. */
export function holdSignals(): void {
  for (const signal of signals) process.on(signal, () => report(signal))
}

/** Reports each of these signals, also those that have come before. */
export function reportSignals(reporter: (signal: string) => void): void {
  report = reporter
  for (const signal of waitingSignals.splice(0)) reporter(signal)
}
