import type { Part } from './message.ts'
import type { ChatRequest, Parameter, ResponseFormat } from './request.ts'

/** What an upstream does with a parameter that it supports. For other parameters see `Support`. */
export type ParameterTreatment = 'honoured' | 'mapped' | 'emulated'

/**
 * What an upstream supports, as data for the request encoder, the receipt and `/v1/models`. A request is refused if the
 * upstream does not support its `tools` or `responseFormat`. Other unsupported parameters are dropped.
 */
export interface Support {
  readonly parameters: Readonly<Partial<Record<Parameter, ParameterTreatment>>>
  /** The dialect whose unknown fields are passed through, if any. */
  readonly extraOf?: string
  /** Whether everything of a client of `extraOf` is passed through, so that such a request need not be checked. */
  readonly takesOwn?: true
  /** Fields of one dialect that are passed through. A field of another dialect with the same name means something else. */
  readonly extraFields?: { readonly of: string; readonly names: readonly string[] }
  /** Fields of the `extraOf` dialect that the upstream does not take. */
  readonly lacksFields?: readonly string[]
  /** The upstream's own names of parameters. A parameter that the client sent under another name is `mapped`. */
  readonly names?: Readonly<Partial<Record<Parameter, string>>>
  /**
   * The ranges of numbers that it takes, if they are narrower than the client's. A number outside is `mapped` to the
   * nearest end.
   */
  readonly ranges?: Readonly<Partial<Record<NumberParameter, Range>>>
  /**
   * The upstream's words for a client's words. A word in this table is `mapped`. Other words are passed on unchanged.
   */
  readonly words?: Readonly<Partial<Record<WordParameter, Readonly<Record<string, string>>>>>
  /** Parameters that some of its models do not take. */
  readonly exceptions?: readonly Exception[]
  /** The types of parts it takes; by default all. A message with another type is refused, except tool calls and reasoning. */
  readonly parts?: readonly Part['type'][]
  /** The response formats it supports beside plain text; by default all. */
  readonly formats?: readonly ResponseFormat['type'][]
  /** Its known limits for tools. The gateway keeps to them when it offers its own tools. */
  readonly toolBounds?: ToolBounds
  /** What it supports in place of this for some requests, because it has several APIs. Called for each request. */
  instead?(request: AskedModel): Support | undefined
}

/** The members of a request by which one of several APIs is chosen. */
export type AskedModel = Pick<ChatRequest, 'model' | 'dialect'>

export interface ToolBounds {
  /** Tools of one request, including the client's own. */
  readonly maxTools?: number
  /** Characters of a tool's description. */
  readonly maxDescription?: number
}

export type NumberParameter = 'temperature' | 'topP' | 'frequencyPenalty' | 'presencePenalty'
export type WordParameter = 'reasoningEffort' | 'serviceTier'

/** Both ends are included. */
export interface Range {
  readonly min: number
  readonly max: number
}

export interface Exception {
  /** The models it applies to. */
  readonly models: RegExp
  readonly lacks: readonly Parameter[]
}

/** Returns what one model of an upstream supports. */
export function supportFor(support: Support, model: string): Support {
  const lacks = support.exceptions?.flatMap((one) => (one.models.test(model) ? one.lacks : [])) ?? []
  if (lacks.length === 0) return support
  const parameters = Object.entries(support.parameters).filter(([name]) => !lacks.some((lacking) => lacking === name))
  return { ...support, parameters: Object.fromEntries(parameters) }
}

/** What a model is for. This program asks only models of the kind `chat`. */
export type ModelKind = 'chat' | 'completion' | 'embedding' | 'rerank' | 'moderation' | 'image' | 'video' | 'audio'

/** A model that an upstream serves. Unknown facts are absent. */
export interface Model {
  /** The upstream's own name for it. */
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
  /** What it is for, if its upstream says so. `kindOf` also looks at its name. */
  readonly kind?: ModelKind
  /** False if its upstream says that it calls no tools. */
  readonly takesTools?: false
}

/** Whether a model can be offered tools. False only if the upstream takes no tools, or says that this model calls none. */
export function takesTools(support: Support, model: Model): boolean {
  return model.takesTools !== false && supportFor(support, model.id).parameters.tools !== undefined
}
