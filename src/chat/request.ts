import type { Extras, Fields, Message } from './message.ts'
import type { SentPrompt } from './prompt.ts'
import type { Wishes } from './wishes.ts'

/** A function that the model may call. `parameters` is a JSON Schema, passed on unchanged. */
export interface FunctionTool {
  readonly type: 'function'
  readonly name: string
  readonly description?: string
  readonly parameters?: Fields
  readonly strict?: boolean
  readonly extra?: Extras
}

/**
 * Returns the JSON Schema of a function's parameters for services that require one with a `type`. Clients leave the schema
 * out, or send `{}`, for a function without parameters.
 */
export function schemaOf({ parameters }: FunctionTool): Fields {
  return parameters?.type === undefined ? { type: 'object', properties: {}, ...parameters } : parameters
}

/** A tool of a type that only the client's dialect knows. */
export interface ForeignTool {
  readonly type: 'foreign'
  /** Its type in that dialect. */
  readonly name: string
  readonly extra: Extras
}

export type OfferedTool = FunctionTool | ForeignTool

/** `function`: the model must call the named one. `foreign`: a choice that only the client's dialect can express. */
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
 * The client's wishes for the answer. A parameter that was not sent is absent.
 * `maxTokens` limits the answer's tokens, and `choices` is the number of answers.
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

/**
 * Returns the parameters that have no effect: an empty list of tools, and the parameters about tools that come with
 * it.
 */
export function idleParameters({ tools }: Parameters): readonly Parameter[] {
  return tools?.length === 0 ? ['tools', 'toolChoice', 'parallelToolCalls'] : []
}

/** A parameter's value as the client sent it, when it differs from the documented form. */
export interface SentValue {
  readonly raw: unknown
  /** The value that was read from it; undefined if it is empty or was not understood. */
  readonly read: unknown
}

/** A field of a request that was not understood. Only an upstream of the client's dialect can get such a request. */
export interface UnreadableField {
  /** Its path, as the client spelled it. */
  readonly param: string
  /** What is wrong with it, as a sentence. */
  readonly message: string
  /** The code OpenAI gives such a mistake. */
  readonly code: string
  /** The parameter it belongs to; undefined for a message. */
  readonly parameter?: Parameter
}

/** A client's request, independent of dialects. */
export interface ChatRequest {
  /** The client's dialect, such as `openai-chat`. An upstream of the same dialect may use `spelling` and every `extra`. */
  readonly dialect: string
  /** The client's name of the model; after routing, the upstream's name of it. */
  readonly model: string
  readonly messages: readonly Message[]
  readonly parameters: Parameters
  /** The client's own name of each parameter, such as `{ maxTokens: 'max_tokens' }`. */
  readonly spelling: Readonly<Partial<Record<Parameter, string>>>
  /** The values as the client sent them. They go to an upstream of its dialect, unless `parameters` has changed since. */
  readonly sent?: Readonly<Partial<Record<Parameter, SentValue>>>
  readonly unread?: readonly UnreadableField[]
  /** Top-level fields that only one dialect knows. */
  readonly extra: Extras
  /**
   * Whether the extra fields of an answer must have their origin, and those of the messages go only to theirs. It is set for clients
   * that bring them back after a change of the model.
   */
  readonly bindsExtra?: boolean
  /** What the client wants of the gateway itself. */
  readonly wishes?: Wishes
  /** The answer so far, if the new one must go on where it broke off. The messages are those of the first request. */
  readonly broken?: BrokenAnswer
  /** True if the client wants a stream. If not, an adapter of the same dialect may fetch a whole reply. */
  readonly stream: boolean
  /** What a model reads of it, in the form in which the client sent it. Without it, the tools and the messages say it. */
  prompt?(): SentPrompt
  /** The body that it was decoded from. An upstream of the same dialect may get it in place of what was decoded. */
  readonly native?: NativeRequest
}

/** An answer that broke off after a part of it was shown. */
export interface BrokenAnswer {
  /** What was shown; empty if it was only reasoning. */
  readonly text: string
  /** The upstream that gave it, if it is known. */
  readonly upstream?: string | undefined
  /** The code of its failure. */
  readonly code: string
}

/** A body in the documented form of its dialect, and what was decoded from it. */
export interface NativeRequest {
  readonly dialect: string
  readonly value: Fields
  /** Whether the dialect demands that its clients bring back all that an upstream of it has said. */
  readonly isComplete?: boolean
  /** False if its messages have no extra fields. */
  readonly hasExtra?: boolean
  /** Whether the request still says what the body says, except for the model. */
  isIntact(request: ChatRequest): boolean
}

/**
 * Returns the request with another name of the model. Unlike a spread, this does not decode the messages, which
 * few upstreams need.
 */
export function withModel(request: ChatRequest, model: string): ChatRequest {
  const { dialect, parameters, spelling, sent, unread, extra, bindsExtra, wishes, broken, stream, native } = request
  return {
    dialect,
    model,
    get messages() {
      return request.messages
    },
    parameters,
    spelling,
    ...(sent && { sent }),
    ...(unread && { unread }),
    extra,
    ...(bindsExtra && { bindsExtra }),
    ...(wishes && { wishes }),
    ...(broken && { broken }),
    stream,
    ...(native && { native }),
  }
}

/** Returns the top-level fields that only the client's dialect knows. */
export function sentFields({ extra, dialect }: Pick<ChatRequest, 'extra' | 'dialect'>): Fields {
  return extra[dialect] ?? {}
}
