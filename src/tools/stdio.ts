import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client'
import { ChatError } from '../chat/error.ts'
import { CancelSource } from '../flow/cancel.ts'
import { within } from '../flow/wait.ts'
import { BoundedLines } from '../wire/bounded-lines.ts'
import { type ProcessGroup, startGroup } from './child-process.ts'
import { commandMissing } from './failure.ts'
import type { TransportHooks } from './hooks.ts'
import { frequencyMeter, type Id, maxMessageBytes, Oversize, tooLargeAnswer } from './oversize.ts'
import { readMessage } from './read-message.ts'
import type { StdioServer } from './server-config.ts'
import { LastWords, logStderr } from './stderr.ts'

/** Milliseconds to wait for the exit after the end of the process's output or input. */
const exitMs = 100
/** Limit for the characters that wait for a server that does not read. */
const maxUnsent = 8 * 1024 * 1024

/** The library's check of a message. The library is loaded when it is needed. */
export type MessageCheck = (value: unknown) => JSONRPCMessage | undefined

/**
 * MCP over the standard streams of a child process, one JSON message per line (MCP 2026-07-28, basic/transports/stdio). The
 * library's own transport has no limit for a line, no process group, and passes on some of our environment.
 */
export class StdioTransport implements Transport {
  /** By these two members the library knows standard streams, where silence may mean an older server. */
  readonly stderr = null
  readonly pid = null
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: JSONRPCMessage) => void
  readonly #server: StdioServer
  readonly #read: MessageCheck
  readonly #hooks: TransportHooks
  /** Requests that wait for their answer. */
  readonly #waiting = new Set<Id>()
  #group: ProcessGroup | undefined
  /** Resolves when the process has ended, and its end has been reported. */
  #received: Promise<void> | undefined
  #unsent = 0
  #isOver = false

  constructor(server: StdioServer, read: MessageCheck, hooks: TransportHooks) {
    this.#server = server
    this.#read = read
    this.#hooks = hooks
  }

  async start(): Promise<void> {
    const group = startGroup(this.#server, this.#hooks.runtime)
    this.#group = group
    const words = new LastWords()
    this.#hooks.onStderr(() => words.line)
    const spoken = logStderr(group.stderr, words, this.#hooks).catch(() => undefined)
    this.#received = this.#receive(group, spoken)
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (!this.#group || this.#isOver) throw notRunning()
    this.#note(message)
    const line = `${JSON.stringify(message)}\n`
    this.#unsent += line.length
    if (this.#unsent > maxUnsent) {
      this.#hooks.onMisbehaviour('it does not read what it is sent')
      throw notRunning()
    }
    const { stdin } = this.#group
    try {
      await Promise.all([stdin.write(line), stdin.flush()])
    } catch {
      // its input breaks a moment before the exit code is known
      await this.#within(Promise.resolve(this.#received))
      throw notRunning()
    } finally {
      this.#unsent -= line.length
    }
  }

  async close(): Promise<void> {
    this.#reportEnd()
    await this.#group?.end()
  }

  /** Kills the process at once. */
  kill(): void {
    this.#group?.kill()
    this.#reportEnd()
  }

  async #receive(group: ProcessGroup, spoken: Promise<void>): Promise<void> {
    const lines = new BoundedLines({ maxBytes: maxMessageBytes })
    const oversize = new Oversize(
      {
        waiting: () => this.#waiting,
        fail: (id) => this.#deliver(tooLargeAnswer(id)),
        onMisbehaviour: (why) => this.#hooks.onMisbehaviour(why),
      },
      frequencyMeter(this.#hooks.runtime),
    )
    let isCut = false
    for await (const bytes of group.stdout) {
      if (this.#isOver) return
      for (const line of lines.push(bytes)) {
        isCut = line.kind === 'cut'
        if (line.kind === 'line') this.#take(line.text)
        else if (line.kind === 'cut') oversize.noteStart(line.head)
        else oversize.noteEnd(line.tail)
      }
      if (isCut) oversize.noteSize(lines.length)
    }
    // the output may end a moment before the process does,
    // and its last words on standard error may not be read yet
    await this.#within(Promise.all([group.exited, spoken]))
    group.kill()
    this.#hooks.onLost(whyEnded(await group.exited))
    this.#reportEnd()
  }

  /** Waits for what should come in a moment. */
  async #within(promise: Promise<unknown>): Promise<void> {
    await within(promise, exitMs, new CancelSource(this.#hooks.runtime))
  }

  #take(line: string): void {
    if (this.#isOver || line.trim() === '') return
    const message = this.#read(readMessage(line))
    if (message) this.#deliver(message)
    else this.#hooks.onUnreadable()
  }

  /** Notes a sent request, which waits for an answer, or a cancellation, which ends that wait. */
  #note(message: JSONRPCMessage): void {
    if (!('method' in message)) return
    if ('id' in message) this.#waiting.add(message.id)
    else if (message.method === 'notifications/cancelled') this.#waiting.delete(cancelledId(message.params))
  }

  #deliver(message: JSONRPCMessage): void {
    if (this.#isOver) return
    if ('id' in message && !('method' in message) && message.id !== undefined) this.#waiting.delete(message.id)
    this.#hooks.onMessage(message)
    this.onmessage?.(message)
  }

  #reportEnd(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.onclose?.()
  }
}

function cancelledId(params: Readonly<Record<string, unknown>> | undefined): Id {
  const id = params?.requestId
  return typeof id === 'number' || typeof id === 'string' ? id : ''
}

/** Explains an exit code, also the codes of a shell that cannot run a command. */
function whyEnded(code: number): string {
  if (code === 127) return commandMissing
  return code === 126 ? 'its command could not be run (exit code 126)' : `its process ended (exit code ${code})`
}

function notRunning(): ChatError {
  return new ChatError('upstream-failed', { message: 'The MCP server no longer runs.', code: 'upstream_disconnected' })
}
