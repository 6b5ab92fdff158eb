/** What ends a process that does not take it. Operators, terminals and log rotation send it to one that is to go on. */
const signals = ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const

/** Signals that came before there was a log. */
const held: string[] = []
let tell = (signal: string): void => {
  held.push(signal)
}

/** From now on none of these signals ends the process. */
export function holdSignals(): void {
  for (const signal of signals) process.on(signal, () => tell(signal))
}

/** Says of each of them that it has come, also of those that have come already. */
export function tellSignals(say: (signal: string) => void): void {
  tell = say
  for (const signal of held.splice(0)) say(signal)
}
