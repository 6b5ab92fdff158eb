import { ChatError } from '../../chat/error.ts'
import type { Fields } from '../../chat/message.ts'
import type { Model } from '../../chat/model.ts'
import { readComplaint } from '../../dialects/anthropic-messages/complaint.ts'
import type { ModelFacts } from '../../dialects/anthropic-messages/encode-request.ts'
import { isFields } from '../../dialects/fields.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { getJson } from '../../wire/get-json.ts'

/** A model, and what the encoder has to know of it. */
export interface FoundModel {
  readonly model: Model
  readonly facts: ModelFacts
}

/** Limit for the pages of the list. */
const maxPages = 10

/** Asks for the models, page by page. @throws ChatError */
export async function listModels(
  origin: string,
  headers: Readonly<Record<string, string>>,
  signal: Cancel,
): Promise<readonly FoundModel[]> {
  const models = new Map<string, FoundModel>()
  let listed = 0
  let after = ''
  for (let page = 0; page < maxPages; page++) {
    const next = after && `&after_id=${encodeURIComponent(after)}`
    const url = `${origin}/v1/models?limit=1000${next}`
    const found = await getJson({ url, headers, schema, readComplaint }, signal)
    listed += found.entries.length
    for (const entry of found.entries) {
      // requests for a retired model fail
      if (isFields(entry) && isName(entry.id) && entry.lifecycle !== 'retired')
        models.set(entry.id, toFound(entry.id, entry))
    }
    after = found.next ?? ''
    if (after === '') break
  }
  if (models.size > 0 || listed === 0) return [...models.values()]
  throw new ChatError('upstream-failed', {
    message: "The upstream's list has no model that can be read.",
    code: 'upstream_bad_response',
  })
}

/** A page of `GET /v1/models`. `next` is the id that the next page comes after. Anthropic, List Models */
const schema = {
  safeParse(value: unknown) {
    if (!isFields(value) || !Array.isArray(value.data)) return { success: false } as const
    const { data, has_more, last_id } = value
    const entries: readonly unknown[] = data
    return {
      success: true,
      data: { entries, next: has_more === true && isName(last_id) ? last_id : undefined },
    } as const
  },
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** Reads an entry. A member of the wrong type counts as absent. */
function toFound(id: string, entry: Fields): FoundModel {
  const [contextLength, maxOutputTokens] = [limitIn(entry.max_input_tokens), limitIn(entry.max_tokens)]
  const capabilities = isFields(entry.capabilities) ? entry.capabilities : undefined
  const created = Math.floor(Date.parse(String(entry.created_at)) / 1000)
  const isAdaptive = supports(capabilities, 'thinking', 'types', 'adaptive')
  return {
    model: {
      id,
      ownedBy: 'anthropic',
      ...(created > 0 && { created }),
      ...(contextLength !== undefined && { contextLength }),
      ...(maxOutputTokens !== undefined && { maxOutputTokens }),
      ...(capabilities && capabilitiesOf(capabilities)),
    },
    facts: { ...(maxOutputTokens !== undefined && { maxOutputTokens }), ...(capabilities && { isAdaptive }) },
  }
}

function limitIn(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined
}

/** Every model of Anthropic's takes tools. */
function capabilitiesOf(wire: Fields): Pick<Model, 'inputModalities' | 'outputModalities' | 'capabilities'> {
  return {
    inputModalities: [
      'text',
      ...(supports(wire, 'image_input') ? ['image'] : []),
      ...(supports(wire, 'pdf_input') ? ['file'] : []),
    ],
    outputModalities: ['text'],
    capabilities: [
      'tools',
      ...(supports(wire, 'structured_outputs') ? ['structured-output'] : []),
      ...(supports(wire, 'thinking') ? ['reasoning'] : []),
    ],
  }
}

/** Whether a capability, or one within it, is supported. */
function supports(wire: Fields | undefined, ...path: readonly string[]): boolean {
  let inner: unknown = wire
  for (const name of path) inner = isFields(inner) ? inner[name] : undefined
  return isFields(inner) && inner.supported === true
}
