/** These signals end a process by default, but operators, terminals and log rotation send them to processes that should go on. */
const signals = ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const

/** Signals that came before the log was opened. */
const held: string[] = []
let tell = (signal: string): void => {
  held.push(signal)
}

/** From now on none of these signals ends the process. */
export function holdSignals(): void {
  for (const signal of signals) process.on(signal, () => tell(signal))
}

/** Reports each of these signals, also those that have come before. */
export function tellSignals(say: (signal: string) => void): void {
  tell = say
  for (const signal of held.splice(0)) say(signal)
}
