import type { Extras, Fields, Message } from './message.ts'

/** A function the model may call. `parameters` is a JSON Schema, passed on as it is. */
export interface FunctionTool {
  readonly type: 'function'
  readonly name: string
  readonly description?: string
  readonly parameters?: Fields
  readonly strict?: boolean
  readonly extra?: Extras
}

/**
 * The JSON Schema of a function's parameters for services that require one, and its `type`. Clients leave it out, or send
 * `{}`, for a function that takes nothing.
 */
export function schemaOf({ parameters }: FunctionTool): Fields {
  return parameters?.type === undefined ? { type: 'object', properties: {}, ...parameters } : parameters
}

/** A tool of a kind that only the client's dialect knows. */
export interface ForeignTool {
  readonly type: 'foreign'
  /** Its type in that dialect. */
  readonly name: string
  readonly extra: Extras
}

export type OfferedTool = FunctionTool | ForeignTool

/** `function`: the model must call the named one. `foreign`: a choice only the client's dialect can express. */
export type ToolChoice =
  | { readonly type: 'auto' | 'none' | 'required' }
  | { readonly type: 'function'; readonly name: string }
  | { readonly type: 'foreign'; readonly extra: Extras }

export type ResponseFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json' }
  | {
      readonly type: 'json-schema'
      readonly name: string
      readonly schema?: Fields
      readonly description?: string
      readonly strict?: boolean
      readonly extra?: Extras
    }
  | { readonly type: 'foreign'; readonly extra: Extras }

/**
 * What a client can ask of an answer, apart from the conversation itself. Only what was sent is there.
 * `maxTokens` counts the answer's tokens; `choices` is how many answers are wanted.
 */
export interface Parameters {
  readonly tools?: readonly OfferedTool[]
  readonly toolChoice?: ToolChoice
  readonly parallelToolCalls?: boolean
  readonly responseFormat?: ResponseFormat
  readonly temperature?: number
  readonly topP?: number
  readonly maxTokens?: number
  readonly stop?: readonly string[]
  readonly seed?: number
  readonly frequencyPenalty?: number
  readonly presencePenalty?: number
  readonly choices?: number
  readonly logprobs?: boolean
  readonly topLogprobs?: number
  readonly reasoningEffort?: string
  readonly user?: string
  readonly metadata?: Fields
  readonly serviceTier?: string
}

export type Parameter = keyof Parameters

/** The parameters that ask for nothing: no tools are none, and then there is nothing to choose among, nor to call side by side. */
export function idleParameters({ tools }: Parameters): readonly Parameter[] {
  return tools?.length === 0 ? ['tools', 'toolChoice', 'parallelToolCalls'] : []
}

/** A parameter's value in the client's own words, where its dialect documents others. */
export interface SentValue {
  readonly raw: unknown
  /** What it was understood as; undefined where it says nothing, or was not understood. */
  readonly read: unknown
}

/** What of a request was not understood: only an upstream of the client's dialect can be asked with it. */
export interface UnreadableField {
  /** Its path, as the client spelled it. */
  readonly param: string
  /** What is wrong with it, as a sentence. */
  readonly message: string
  /** The code OpenAI gives such a mistake. */
  readonly code: string
  /** Of which parameter it is; undefined for a message. */
  readonly parameter?: Parameter
}

/** What a client asked for, in no dialect. */
export interface ChatRequest {
  /** The dialect the client spoke, e.g. `openai-chat`: whoever speaks it too may use `spelling` and every `extra`. */
  readonly dialect: string
  /** As the client named it on the way in; as its upstream names it once routed. */
  readonly model: string
  readonly messages: readonly Message[]
  readonly parameters: Parameters
  /** The client's own name of each parameter it sent: `{ maxTokens: 'max_tokens' }`. */
  readonly spelling: Readonly<Partial<Record<Parameter, string>>>
  /** The client's own words for a parameter: they go to an upstream of its dialect, unless `parameters` has changed since. */
  readonly sent?: Readonly<Partial<Record<Parameter, SentValue>>>
  readonly unread?: readonly UnreadableField[]
  /** Top-level fields that only one dialect knows. */
  readonly extra: Extras
  /** True when the client wants a stream: otherwise an adapter of the same dialect may fetch a whole reply. */
  readonly stream: boolean
}

/** The fields that the client sent beyond the vocabulary. */
export function sentFields({ extra, dialect }: Pick<ChatRequest, 'extra' | 'dialect'>): Fields {
  return extra[dialect] ?? {}
}
