import type { Fields } from '../../chat/message.ts'
import type { Model, ModelKind } from '../../chat/model.ts'
import { isFields } from '../fields.ts'

/**
 * Reads an answer to `GET /models`: `{"data": […]}` (OpenAI), a bare list (Together), `{"models": […]}` (Ollama), or one
 * inside the other. An entry has an `id`, a `name` or a `model`, or is a plain name. Unreadable and repeated entries are
 * skipped.
 * @returns undefined if there is no list, or if no entry of a list can be read
 */
export function readModelList(body: unknown): readonly Model[] | undefined {
  const entries = entriesIn(body)
  if (!entries) return undefined
  const models = new Map<string, Model>()
  for (const entry of entries) {
    const id = idOf(entry)
    if (id !== undefined && !models.has(id)) models.set(id, { id, ...(isFields(entry) && readDetails(entry)) })
  }
  return models.size > 0 || entries.length === 0 ? [...models.values()] : undefined
}

/** @returns undefined if there is no list; an empty list if it is null */
function entriesIn(body: unknown, depth = 0): readonly unknown[] | undefined {
  if (Array.isArray(body)) return body
  if (!isFields(body) || depth > 2) return undefined
  const places = ['data', 'models', 'result'].filter((name) => name in body)
  const found = places.map((name) => (body[name] === null ? [] : entriesIn(body[name], depth + 1)))
  return found.find((list) => list && list.length > 0) ?? found.find((list) => list !== undefined)
}

/** Characters. A longer text is not a name. */
const longestId = 512

function idOf(entry: unknown): string | undefined {
  const names = isFields(entry) ? [entry.id, entry.name, entry.model] : [entry]
  // Gemini's list has `models/…`, but its chat endpoint takes the name without it
  const ids = names.map((name) => (typeof name === 'string' ? name.trim().replace(/^models\//, '') : ''))
  return ids.find((id) => id !== '' && id.length <= longestId && !/\p{Cc}/u.test(id))
}

/** Reads the details of a model under the names that services use. */
function readDetails(entry: Fields): Partial<Model> {
  const topProvider = isFields(entry.top_provider) ? entry.top_provider : {}
  const contextLength = tokens(
    entry.context_length,
    entry.context_window,
    entry.max_model_len,
    entry.max_context_length,
    topProvider.context_length,
  )
  const maxOutputTokens = tokens(entry.max_completion_tokens, topProvider.max_completion_tokens)
  const { architecture } = entry
  const modalities = isFields(architecture) ? architecture : vision(entry)
  const input = words(modalities.input_modalities)
  const output = words(modalities.output_modalities)
  const capabilities = capabilitiesOf(entry)
  const kind = kindIn(entry)
  return {
    ...(isCount(entry.created) && { created: entry.created }),
    ...(typeof entry.owned_by === 'string' && entry.owned_by !== '' && { ownedBy: entry.owned_by }),
    ...(contextLength && { contextLength }),
    ...(maxOutputTokens && { maxOutputTokens }),
    ...(input && { inputModalities: input }),
    ...(output && { outputModalities: output }),
    ...(capabilities && capabilities.length > 0 && { capabilities }),
    ...(capabilities && !capabilities.includes('tools') && statesToolSupport(entry) && { takesTools: false }),
    ...(kind && { kind }),
  }
}

/** Returns the modalities of a model of Mistral, whose list only says whether a model has vision. */
function vision(entry: Fields): Fields {
  const seesImages = switchesOf(entry).vision === true
  return seesImages ? { input_modalities: ['text', 'image'], output_modalities: ['text'] } : {}
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0
}

function tokens(...values: readonly unknown[]): number | undefined {
  return values.find(isCount)
}

function words(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined
  const found = value.filter((word) => typeof word === 'string')
  return found.length > 0 ? found : undefined
}

/** Our words for capabilities, and the words of OpenRouter, Mistral, Ollama and Fireworks. */
const abilities: readonly (readonly [string, RegExp])[] = [
  ['tools', /^(tools|function_calling|supports_tools|tool_use)$/],
  ['structured-output', /^(structured_outputs?|json_schema)$/],
  ['reasoning', /^(reasoning|thinking)$/],
]

/** @returns undefined if the list does not state capabilities */
function capabilitiesOf(entry: Fields): readonly string[] | undefined {
  const switches = switchesOf(entry)
  const on = Object.keys(switches).filter((name) => switches[name] === true)
  const said =
    words(entry.supported_parameters) ?? words(entry.capabilities) ?? (statesToolSupport(entry) ? on : undefined)
  return said && abilities.filter(([, word]) => said.some((one) => word.test(one))).map(([ability]) => ability)
}

function switchesOf({ capabilities, ...entry }: Fields): Fields {
  return isFields(capabilities) ? capabilities : entry
}

/** Whether an entry states if the model calls tools. llama.cpp, for example, says `completion` for all its models. */
function statesToolSupport(entry: Fields): boolean {
  const { function_calling: calls, supports_tools: takes } = switchesOf(entry)
  return Array.isArray(entry.supported_parameters) || typeof calls === 'boolean' || typeof takes === 'boolean'
}

/** Words for kinds of models in `type` (Together, LM Studio), `task` (GitHub, Hugging Face) or `endpoints` (Cohere). */
const kinds: readonly (readonly [ModelKind, RegExp])[] = [
  ['rerank', /^rerank/],
  ['embedding', /^(embed|feature-extraction|sentence-similarity)/],
  ['moderation', /^(moderation|classif|text-classification)/],
  ['image', /^(image|text-to-image|image-generation)$/],
  ['video', /^(video|text-to-video)/],
  ['audio', /^(audio|speech|transcri|tts|asr|text-to-speech|automatic-speech-recognition)/],
  ['chat', /^(chat|language|llm|vlm|code|text-generation|image-text-to-text|generate|conversational)/],
]

function kindIn(entry: Fields): ModelKind | undefined {
  const { architecture } = entry
  const kind = kindByWord(entry) ?? (isFields(architecture) ? kindByOutput(architecture) : undefined)
  const chats = [switchesOf(entry).completion_chat, entry.supports_chat].find((value) => typeof value === 'boolean')
  if (chats === undefined) return kind
  if (chats) return 'chat'
  return kind === undefined || kind === 'chat' ? 'completion' : kind
}

function kindByWord({ type, task, pipeline_tag: tag, endpoints, capabilities }: Fields): ModelKind | undefined {
  const said = [type, task, tag].filter((word) => typeof word === 'string')
  const found = [...said, ...(words(endpoints) ?? [])].flatMap((one) => kindOfWord(one) ?? [])
  if (found.length > 0) return found.includes('chat') ? 'chat' : found[0]
  // Ollama and llama.cpp
  const can = words(capabilities)
  if (!can?.includes('embedding')) return undefined
  return can.includes('completion') ? 'chat' : 'embedding'
}

function kindOfWord(said: string): ModelKind | undefined {
  return kinds.find(([, word]) => word.test(said.toLowerCase()))?.[0]
}

/** Returns the kind by OpenRouter's `output_modalities`, or the older `modality` such as `text+image->text`. */
function kindByOutput({ output_modalities: listed, modality }: Fields): ModelKind | undefined {
  const arrow = typeof modality === 'string' ? modality.split('->')[1]?.split('+') : undefined
  const output = words(listed) ?? arrow
  if (!output) return undefined
  return output.includes('text') ? 'chat' : (kindOfWord(output[0] ?? '') ?? 'completion')
}
