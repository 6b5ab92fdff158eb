import type { Part } from './message.ts'
import type { Parameter, ResponseFormat } from './request.ts'

/** What an upstream does with a parameter it takes. A parameter it does not list is dropped, or refused: see `Support`. */
export type ParameterTreatment = 'honoured' | 'mapped' | 'emulated'

/**
 * What an upstream makes of what a client may send, as data: it drives the request encoder, the receipt and `/v1/models`.
 * A request with `tools` or `responseFormat` where they are not taken is refused, other parameters are dropped.
 */
export interface Support {
  readonly parameters: Readonly<Partial<Record<Parameter, ParameterTreatment>>>
  /** The dialect whose unknown fields are passed through, if any. */
  readonly extraOf?: string
  /** Fields beyond the vocabulary that are passed through whatever the client's dialect; no other is. */
  readonly extraFields?: readonly string[]
  /** Fields of that dialect that it does not take all the same. */
  readonly lacksFields?: readonly string[]
  /** Its own names of parameters: what a client sent under another is `mapped`. */
  readonly names?: Readonly<Partial<Record<Parameter, string>>>
  /** The numbers it takes, both ends included, where they are fewer than a client may send: beyond them is the nearest, `mapped`. */
  readonly ranges?: Readonly<Partial<Record<NumberParameter, Range>>>
  /** Its words for a client's, where it takes fewer: `mapped`, a word that is not here goes on as it is. */
  readonly words?: Readonly<Partial<Record<WordParameter, Readonly<Record<string, string>>>>>
  /** What some of its models do not take beyond that. */
  readonly exceptions?: readonly Exception[]
  /** The kinds of content it takes; all, where it does not say. A message with another kind is refused, calls and thoughts apart. */
  readonly parts?: readonly Part['type'][]
  /** The response formats it can hold an answer to, beside plain text; all, where it does not say. */
  readonly formats?: readonly ResponseFormat['type'][]
  /** How much it takes of tools, where that is known to have an end: the gateway offers no more of its own. */
  readonly toolBounds?: ToolBounds
}

export interface ToolBounds {
  /** Tools of one request, the client's own among them. */
  readonly maxTools?: number
  /** Characters of a tool's description. */
  readonly maxDescription?: number
}

export type NumberParameter = 'temperature' | 'topP' | 'frequencyPenalty' | 'presencePenalty'
export type WordParameter = 'reasoningEffort' | 'serviceTier'

export interface Range {
  readonly min: number
  readonly max: number
}

export interface Exception {
  /** The models it is about. */
  readonly models: RegExp
  readonly lacks: readonly Parameter[]
}

/** What one model of an upstream makes of what a client may send. */
export function supportFor(support: Support, model: string): Support {
  const lacks = support.exceptions?.flatMap((one) => (one.models.test(model) ? one.lacks : [])) ?? []
  if (lacks.length === 0) return support
  const parameters = Object.entries(support.parameters).filter(([name]) => !lacks.some((lacking) => lacking === name))
  return { ...support, parameters: Object.fromEntries(parameters) }
}

/** What a model answers with. `chat` is what all of this program is about; the others cannot be asked for one. */
export type ModelKind = 'chat' | 'completion' | 'embedding' | 'rerank' | 'moderation' | 'image' | 'video' | 'audio'

/** A model an upstream serves. What is not known is absent. */
export interface Model {
  /** The upstream's own name of it. */
  readonly id: string
  /** Unix seconds. */
  readonly created?: number
  readonly ownedBy?: string
  /** Tokens. */
  readonly contextLength?: number
  /** Tokens. */
  readonly maxOutputTokens?: number
  /** `text`, `image`, `audio`, `file`. */
  readonly inputModalities?: readonly string[]
  readonly outputModalities?: readonly string[]
  /** `tools`, `structured-output`, `reasoning`. */
  readonly capabilities?: readonly string[]
  /** What it is for, where its upstream says so; `kindOf` knows more. */
  readonly kind?: ModelKind
  /** False where its upstream says that it calls no tools. */
  readonly takesTools?: false
}

/** Whether a model can be offered tools, as far as is known: its upstream may take none, or say that this model calls none. */
export function takesTools(support: Support, model: Model): boolean {
  return model.takesTools !== false && supportFor(support, model.id).parameters.tools !== undefined
}
