/** What all processes together have taken of the limits of one key. Times are seconds and milliseconds since 1970. */
export interface SharedUse {
  /** Requests and tokens by the second in which they were drawn. */
  readonly drawn: Readonly<Record<string, readonly [requests: number, tokens: number]>>
  /** The running requests of each process, and until when that is believed. */
  readonly running: Readonly<Record<string, readonly [count: number, until: number]>>
}

const minuteSeconds = 60

/** Reads a stored value, without what no longer counts. */
export function readUse(text: string | undefined, now: number): SharedUse {
  const { drawn, running }: SharedUse = text === undefined ? { drawn: {}, running: {} } : JSON.parse(text)
  const oldest = Math.floor(now / 1_000) - minuteSeconds
  return {
    drawn: Object.fromEntries(Object.entries(drawn).filter(([second]) => Number(second) >= oldest)),
    running: Object.fromEntries(Object.entries(running).filter(([, [, until]]) => until > now)),
  }
}

export function withDraw(use: SharedUse, [requests, tokens]: readonly [number, number], now: number): SharedUse {
  const second = Math.floor(now / 1_000)
  const [knownRequests, knownTokens] = use.drawn[second] ?? [0, 0]
  return { ...use, drawn: { ...use.drawn, [second]: [knownRequests + requests, knownTokens + tokens] } }
}

export function withRunning(use: SharedUse, processId: string, [count, until]: readonly [number, number]): SharedUse {
  const { [processId]: _, ...others } = use.running
  return { ...use, running: count > 0 ? { ...others, [processId]: [count, until] } : others }
}

export function drawnIn({ drawn }: SharedUse): readonly [requests: number, tokens: number] {
  const draws = Object.values(drawn)
  return [draws.reduce((sum, [requests]) => sum + requests, 0), draws.reduce((sum, [, tokens]) => sum + tokens, 0)]
}

/** The running requests of the other processes. */
export function runningElsewhere({ running }: SharedUse, processId: string): number {
  return Object.entries(running).reduce((sum, [name, [count]]) => sum + (name === processId ? 0 : count), 0)
}

/** Milliseconds until the oldest draw counts no more. */
export function msUntilLess({ drawn }: SharedUse, now: number): number {
  const oldest = Math.min(...Object.keys(drawn).map(Number))
  return Number.isFinite(oldest) ? (oldest + minuteSeconds + 1) * 1_000 - now : 1_000
}
