import { ChatError } from '../../chat/error.ts'
import type { Cancel } from '../../flow/cancel.ts'
import type { Timers } from '../../flow/timers.ts'
import type { NoticeBridge } from '../../state/notice-bridge.ts'
import { successorName } from './former.ts'
import { type Ready, type RestartMessage, readMessage } from './messages.ts'
import { executable, ownCommand } from './own-command.ts'

/** Milliseconds within which a new process must be ready. */
const readyMs = 10_000

/** A process that takes over from this one, and can answer requests. */
export interface Successor extends Pick<Ready, 'url' | 'listeners'> {
  readonly pid: number
  readonly executable: string
  /** Resolves when it has ended. */
  readonly ended: Promise<unknown>
}

export interface SuccessorOptions {
  /** The port that it takes over. */
  readonly port: number
  readonly bridge: NoticeBridge
  readonly timers: Timers
  /** Aborted when this process stops: then no other one takes over. */
  readonly signal: Cancel
  /** Leaves the port, because the successor wants another process to take over. */
  leavePort(): Promise<void>
}

/**
 * Starts the executable again, which may be another one by now, with the same arguments and environment.
 * @throws ChatError `unavailable` `restart_failed` if it is not ready in time; then it was ended
 */
export async function startSuccessor({ port, bridge, ...options }: SuccessorOptions): Promise<Successor> {
  const ready = Promise.withResolvers<Ready>()
  const { signal, timers } = options
  const child = spawn((sent, reply) => {
    const message = readMessage(sent)
    if (message?.kind === 'hello') reply({ kind: 'begin', port })
    if (message?.kind === 'ready') ready.resolve(message)
    if (message?.kind === 'leave') void options.leavePort().then(() => reply({ kind: 'left' }))
    if (message?.kind === 'notice') bridge.receive(message.channel, message.text)
  })
  const disconnect = bridge.connect((channel, text) => {
    if (child.exitCode === null && child.signalCode === null)
      child.send({ kind: 'notice', channel, text } satisfies RestartMessage)
  })
  void child.exited.then((code) => {
    disconnect()
    ready.reject(failed(`it ended with ${child.signalCode ?? `exit code ${code}`}`))
  })
  const release = signal.onAbort(() => ready.reject(failed('this process was stopped meanwhile')))
  const timer = timers.set(readyMs, () => ready.reject(failed(`it was not ready within ${readyMs / 1_000} seconds`)))
  try {
    const { url, listeners } = await ready.promise
    signal.throwIfAborted()
    return { pid: child.pid, executable, url, listeners, ended: child.exited }
  } catch (thrown) {
    child.kill('SIGKILL')
    // until then its socket may be one of the port's
    await child.exited
    throw thrown
  } finally {
    timer.stop()
    release()
  }
}

/** @throws ChatError `restart_failed` if the system cannot run the file */
function spawn(take: (sent: unknown, reply: (message: RestartMessage) => void) => void) {
  try {
    return Bun.spawn([...ownCommand()], {
      argv0: successorName,
      stdio: ['ignore', 'inherit', 'inherit'],
      ipc: (sent, sender) => take(sent, (message) => sender.send(message)),
    })
  } catch (thrown) {
    throw failed(`${executable} cannot be started (${thrown instanceof Error ? thrown.message : String(thrown)})`)
  }
}

function failed(why: string): ChatError {
  return new ChatError('unavailable', {
    code: 'restart_failed',
    message: `The new process did not take over: ${why}. The log has its last lines. This process goes on as before.`,
  })
}
