/** What two processes tell each other while one takes over from the other. */
export type RestartMessage = Hello | Begin | Ready | Leave | Left | SharedNotice

/** The successor can be told what it needs. */
interface Hello {
  readonly kind: 'hello'
}

/** The former process tells what its successor needs to begin. */
export interface Begin {
  readonly kind: 'begin'
  /** The port on which it listens. */
  readonly port: number
}

/** The successor can answer requests. */
export interface Ready {
  readonly kind: 'ready'
  readonly url: string
  /** How many sockets it has opened on the port. */
  readonly listeners: number
}

/** The former process must leave the port, because another one will take over from the successor. */
interface Leave {
  readonly kind: 'leave'
}

/** The former process has left the port. */
interface Left {
  readonly kind: 'left'
}

/** A notice of the store, for the listeners of the other process. */
interface SharedNotice {
  readonly kind: 'notice'
  readonly channel: string
  readonly text: string
}

/** Reads a message of the other process, which may be of another version; undefined if it is an unknown one. */
export function readMessage(sent: unknown): RestartMessage | undefined {
  if (typeof sent !== 'object' || sent === null || !('kind' in sent)) return undefined
  if (sent.kind === 'hello' || sent.kind === 'leave' || sent.kind === 'left') return { kind: sent.kind }
  if (sent.kind === 'begin' && 'port' in sent && typeof sent.port === 'number')
    return { kind: 'begin', port: sent.port }
  if (sent.kind === 'ready' && 'url' in sent && 'listeners' in sent && typeof sent.listeners === 'number')
    return { kind: 'ready', url: String(sent.url), listeners: sent.listeners }
  if (sent.kind === 'notice' && 'channel' in sent && 'text' in sent)
    return { kind: 'notice', channel: String(sent.channel), text: String(sent.text) }
  return undefined
}
