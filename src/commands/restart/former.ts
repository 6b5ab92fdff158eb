import { ChatError } from '../../chat/error.ts'
import type { NoticeBridge } from '../../state/notice-bridge.ts'
import { type Begin, type RestartMessage, readMessage } from './messages.ts'

/** The first argument of a process that takes over, by which it knows that it does, and the operator sees it. */
export const successorName = 'tributary-successor'

/** Whether this process takes over from a former one. */
export const isSuccessor = process.argv0 === successorName && process.send !== undefined

/** The process from which this one takes over. */
export interface Former extends Pick<Begin, 'port'> {
  /** Resolves when it has ended. */
  readonly ended: Promise<void>
  /** Tells it that this process can answer. From then on it leaves new connections to this one. */
  tellReady(url: string, listeners: number): void
  /** Has it leave the port. Resolves when it has, or when it has ended. */
  leavePort(): Promise<void>
}

/**
 * Asks the former process what this one needs.
 * @param bridge carries notices from and to it
 * @throws ChatError `unavailable` `restart_failed` if it ends before it answers
 */
export async function meetFormer(bridge: NoticeBridge): Promise<Former> {
  const begun = Promise.withResolvers<Begin>()
  const left = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<void>()
  process.on('message', (sent) => {
    const message = readMessage(sent)
    if (message?.kind === 'begin') begun.resolve(message)
    if (message?.kind === 'left') left.resolve()
    if (message?.kind === 'notice') bridge.receive(message.channel, message.text)
  })
  const onEnd = () => {
    begun.reject(endedEarly())
    ended.resolve()
  }
  process.on('disconnect', onEnd)
  const tell = (message: RestartMessage) => tellOther(message, onEnd)
  tell({ kind: 'hello' })
  const { port } = await begun.promise
  const disconnect = bridge.connect((channel, text) => tell({ kind: 'notice', channel, text }))
  void ended.promise.then(disconnect)
  return {
    port,
    ended: ended.promise,
    tellReady: (url, listeners) => tell({ kind: 'ready', url, listeners }),
    leavePort() {
      tell({ kind: 'leave' })
      return Promise.race([left.promise, ended.promise])
    },
  }
}

/** A process that was killed is noticed when it is told something, or a moment later. */
function tellOther(message: RestartMessage, onEnd: () => void): void {
  try {
    if (process.connected) process.send?.(message, undefined, undefined, (failure) => failure && onEnd())
    else onEnd()
  } catch {
    onEnd()
  }
}

function endedEarly(): ChatError {
  return new ChatError('unavailable', {
    code: 'restart_failed',
    message: 'The former process has ended before this one could take over, so this one ends too.',
  })
}
