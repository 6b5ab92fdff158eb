const steps = 10

/**
 * Sleeps in steps. After each step the sockets are read. With a single sleep, a process that the machine has stopped
 * for longer than `ms` would wake up late, and go on before it has read anything.
 */
export async function pause(ms: number): Promise<void> {
  for (let step = 0; step < steps; step++) await Bun.sleep(ms / steps)
}
