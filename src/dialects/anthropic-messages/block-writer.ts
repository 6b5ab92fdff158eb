import type { ChatEvent, Native } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { sseEvent } from '../../wire/sse.ts'
import { isFields } from '../fields.ts'
import { LearnedDelta } from './learned-deltas.ts'

/** The block that is open. */
interface WrittenBlock {
  /** Its part; undefined if the block has no part yet. */
  readonly part: number | undefined
  readonly type: unknown
  /** Its index in the stream that it is relayed from. */
  readonly theirs?: unknown
  /** It is written at the end of the block. A relayed block brings its own. */
  signature: string
}

/** Writes the blocks of a stream. They are numbered in order, and one is open at a time. */
export class BlockWriter {
  #count = 0
  #open: WrittenBlock | undefined

  /** Whether the open block is this part. */
  isOpen(part: number, type?: string): boolean {
    return this.#open?.part === part && (type === undefined || this.#open.type === type)
  }

  /** Closes the open block, and opens another one. */
  start(part: number, block: Fields): string {
    const closed = this.close()
    this.#open = { part, type: block.type, signature: '' }
    return closed + writeEvent({ type: 'content_block_start', index: this.#count++, content_block: block })
  }

  /** Writes a block that comes at once. @param deltas what is added to the block */
  whole(block: Fields, ...deltas: readonly Fields[]): string {
    const closed = this.close()
    const index = this.#count++
    const opened = writeEvent({ type: 'content_block_start', index, content_block: block })
    return closed + opened + deltas.map((delta) => this.delta(delta)).join('') + stopBlock(index)
  }

  /** Adds to the newest block. */
  delta(delta: Fields): string {
    return writeEvent({ type: 'content_block_delta', index: this.#count - 1, delta })
  }

  sign(signature: string): void {
    if (this.#open) this.#open.signature = signature
  }

  /** Closes the open block, if there is one. */
  close(): string {
    const open = this.#open
    if (!open) return ''
    const signed = open.signature === '' ? '' : this.delta({ type: 'signature_delta', signature: open.signature })
    this.#open = undefined
    return signed + stopBlock(this.#count - 1)
  }

  /** Relays an event of a block. Returns undefined if its block is not the open one, so that it must be written anew. */
  relay(native: Native, event: ChatEvent): string | undefined {
    if (native instanceof LearnedDelta)
      return this.#isAt(native.index) ? sseEvent('content_block_delta', native.json) : this.#relay(native)
    if (native.value.type !== 'content_block_start') return this.#relay(native)
    const { index: theirs, content_block: block } = native.value
    const closed = this.close()
    const part = 'part' in event ? event.part : undefined
    this.#open = { part, type: isFields(block) ? block.type : undefined, theirs, signature: '' }
    return closed + writeRelayed(native, this.#count++)
  }

  /** Whether a block with this index is open, and has the same index here. */
  #isAt(index: number): boolean {
    return this.#open?.theirs === index && index === this.#count - 1
  }

  #relay(native: Native): string | undefined {
    const { type, index } = native.value
    if (index === undefined || this.#open?.theirs !== index) return undefined
    if (type === 'content_block_stop') this.#open = undefined
    return writeRelayed(native, this.#count - 1)
  }
}

/** Writes an event as it came, with our index. */
function writeRelayed({ value, json }: Native, index: number): string {
  return json !== undefined && value.index === index
    ? sseEvent(String(value.type), json)
    : writeEvent({ ...value, index })
}

function stopBlock(index: number): string {
  return writeEvent({ type: 'content_block_stop', index })
}

/** The name of an event is the type of its data. */
export function writeEvent(data: Fields & { readonly type?: unknown }): string {
  return sseEvent(String(data.type), JSON.stringify(data))
}
