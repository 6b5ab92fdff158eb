import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js'
import { ChatError } from '../chat/error.ts'
import { CancelSource } from '../flow/cancel.ts'
import { within } from '../flow/wait.ts'
import { BoundedLines } from '../wire/bounded-lines.ts'
import { type ProcessGroup, startGroup } from './child-process.ts'
import type { TransportHooks } from './hooks.ts'
import { frequencyMeter, type Id, maxMessageBytes, Oversize, tooLargeAnswer } from './oversize.ts'
import { readMessage } from './read-message.ts'
import type { StdioServer } from './server-config.ts'
import { LastWords, logStderr } from './stderr.ts'

/** How long an exit may come after the end of the process's output, or of its input. */
const exitMs = 100
/** Characters that may wait for a server that does not read. */
const maxUnsent = 8 * 1024 * 1024

/** The library's check of a message, which is imported late. */
export type ReadMessage = (value: unknown) => JSONRPCMessage | undefined

/**
 * MCP over the standard streams of a child process: a JSON message a line (MCP 2025-11-25, basic/transports). The
 * library's own transport has no limit for a line, no process group, and hands some of our environment on.
 */
export class StdioTransport implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: JSONRPCMessage) => void
  readonly #server: StdioServer
  readonly #read: ReadMessage
  readonly #hooks: TransportHooks
  /** Requests that wait for their answer. */
  readonly #waiting = new Set<Id>()
  #group: ProcessGroup | undefined
  /** Resolves once the process is gone, and its end has been told. */
  #received: Promise<void> | undefined
  #unsent = 0
  #isOver = false

  constructor(server: StdioServer, read: ReadMessage, hooks: TransportHooks) {
    this.#server = server
    this.#read = read
    this.#hooks = hooks
  }

  async start(): Promise<void> {
    const group = startGroup(this.#server, this.#hooks.runtime)
    this.#group = group
    const words = new LastWords()
    this.#hooks.spoke(() => words.line)
    const spoken = logStderr(group.stderr, words, this.#hooks).catch(() => undefined)
    this.#received = this.#receive(group, spoken)
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (!this.#group || this.#isOver) throw notRunning()
    this.#note(message)
    const line = `${JSON.stringify(message)}\n`
    this.#unsent += line.length
    if (this.#unsent > maxUnsent) {
      this.#hooks.misbehaved('it does not read what it is sent')
      throw notRunning()
    }
    const { stdin } = this.#group
    try {
      await Promise.all([stdin.write(line), stdin.flush()])
    } catch {
      // its input breaks a moment before it is known why
      await this.#within(Promise.resolve(this.#received))
      throw notRunning()
    } finally {
      this.#unsent -= line.length
    }
  }

  async close(): Promise<void> {
    this.#settle()
    await this.#group?.end()
  }

  /** Ends it at once, without asking. */
  kill(): void {
    this.#group?.kill()
    this.#settle()
  }

  async #receive(group: ProcessGroup, spoken: Promise<void>): Promise<void> {
    const lines = new BoundedLines({ maxBytes: maxMessageBytes })
    const oversize = new Oversize(
      {
        waiting: () => this.#waiting,
        fail: (id) => this.#deliver(tooLargeAnswer(id)),
        misbehaved: (why) => this.#hooks.misbehaved(why),
      },
      frequencyMeter(this.#hooks.runtime),
    )
    let isCut = false
    for await (const bytes of group.stdout) {
      if (this.#isOver) return
      for (const line of lines.push(bytes)) {
        isCut = line.kind === 'cut'
        if (line.kind === 'line') this.#take(line.text)
        else if (line.kind === 'cut') oversize.began(line.head)
        else oversize.ended(line.tail)
      }
      if (isCut) oversize.grew(lines.length)
    }
    // what holds the output may be gone a moment before the process is
    // and what it has said of why may still have to be read
    await this.#within(Promise.all([group.exited, spoken]))
    group.kill()
    this.#hooks.lost(whyEnded(await group.exited))
    this.#settle()
  }

  /** Waits for what should come in a moment. */
  async #within(promise: Promise<unknown>): Promise<void> {
    await within(promise, exitMs, new CancelSource(this.#hooks.runtime))
  }

  #take(line: string): void {
    if (this.#isOver || line.trim() === '') return
    const message = this.#read(readMessage(line))
    if (message) this.#deliver(message)
    else this.#hooks.unreadable()
  }

  /** What is sent may wait for an answer, or say that nobody waits any more. */
  #note(message: JSONRPCMessage): void {
    if (!('method' in message)) return
    if ('id' in message) this.#waiting.add(message.id)
    else if (message.method === 'notifications/cancelled') this.#waiting.delete(cancelledId(message.params))
  }

  #deliver(message: JSONRPCMessage): void {
    if (this.#isOver) return
    if ('id' in message && !('method' in message) && message.id !== undefined) this.#waiting.delete(message.id)
    this.onmessage?.(message)
  }

  #settle(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.onclose?.()
  }
}

function cancelledId(params: Readonly<Record<string, unknown>> | undefined): Id {
  const id = params?.requestId
  return typeof id === 'number' || typeof id === 'string' ? id : ''
}

/** The codes of a shell that cannot run a command. */
function whyEnded(code: number): string {
  if (code === 127) return 'its command could not be found (exit code 127)'
  return code === 126 ? 'its command could not be run (exit code 126)' : `its process ended (exit code ${code})`
}

function notRunning(): ChatError {
  return new ChatError('upstream-failed', { message: 'The MCP server no longer runs.', code: 'upstream_disconnected' })
}
