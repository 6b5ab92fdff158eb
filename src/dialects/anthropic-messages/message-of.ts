import type { Fields } from '../../chat/message.ts'
import type { Stop } from './stop-reason.ts'

interface MessageMembers {
  /** The id of the request. */
  readonly id: string
  readonly model: string
  readonly content: readonly Fields[]
  readonly usage: Fields
  readonly stop?: Stop
}

/** Writes a message of an answer. Without `stop` it has not ended. */
export function messageOf({ id, model, content, usage, stop }: MessageMembers): Fields {
  return {
    ...headOf({ id, model }),
    type: 'message',
    role: 'assistant',
    content,
    ...(stop ?? notStopped),
    usage,
  }
}

/** The members of a message that are ours also in a message of the upstream. */
export function headOf({ id, model }: Pick<MessageMembers, 'id' | 'model'>) {
  return { id: `msg_${id}`, model }
}

const notStopped = { stop_reason: null, stop_sequence: null, stop_details: null, container: null }
