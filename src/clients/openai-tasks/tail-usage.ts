import type { Usage } from '../../chat/event.ts'
import { isFields } from '../../dialects/fields.ts'
import { decodeUsage } from '../../dialects/openai-chat/usage.ts'
import { jsonOrUndefined } from '../../wire/json.ts'

/** Bytes at the end of a reply in which its usage is looked for. */
const tailBytes = 4_096

/** Finds the usage near the end of a relayed reply, for the log. The reply is not kept for it, nor parsed. */
export class UsageTail {
  #tail = Buffer.alloc(0)

  push(bytes: Uint8Array): void {
    const last = bytes.subarray(-tailBytes)
    const kept = Buffer.concat([this.#tail, last])
    this.#tail = kept.subarray(-tailBytes)
  }

  /** The last usage in the reply; undefined if there is none. */
  usage(): Usage | undefined {
    const stated = [...this.#tail.toString('utf8').matchAll(/"usage"\s*:\s*(\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})/g)].at(-1)
    const wire = jsonOrUndefined(stated?.[1] ?? '')
    return isFields(wire) ? decodeUsage(wire) : undefined
  }
}
