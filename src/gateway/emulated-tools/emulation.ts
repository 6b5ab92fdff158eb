import { ChatError, type Reason } from '../../chat/error.ts'
import { callsOf } from '../../chat/message.ts'
import { type Support, supportFor } from '../../chat/model.ts'
import type { ChatRequest, Parameter } from '../../chat/request.ts'
import type { Runtime } from '../../flow/runtime.ts'
import type { Upstream } from '../../providers/provider.ts'
import type { EmulationFacts } from '../emulation-facts.ts'
import { ToolRefusals } from '../tool-refusals.ts'
import type { Lacks } from './plan.ts'

/** Where tools are emulated: at upstreams that are made for programs, at all, or nowhere. */
export type EmulationMode = 'api' | 'all' | 'none'

interface EmulationOptions {
  readonly mode: EmulationMode
  readonly runtime: Pick<Runtime, 'elapsed'>
  /** Whether the upstream says that a model calls no tools. */
  lacksTools(model: string): boolean
}

const personsRpm = 10
/** Models that are known to take tools. */
const maxProven = 1_024

/** What is emulated for one upstream. */
export class Emulation implements EmulationFacts {
  readonly #upstream: Upstream
  readonly #options: EmulationOptions
  readonly #refusals: ToolRefusals
  readonly #proven = new Set<string>()
  #isBlocked = false

  constructor(upstream: Upstream, options: EmulationOptions) {
    this.#upstream = upstream
    this.#options = options
    this.#refusals = new ToolRefusals(options.runtime)
  }

  /** Whether anything may be emulated for the requests to this upstream. */
  get isAllowed(): boolean {
    const { mode } = this.#options
    const { isWebProduct, followsInstructions = true } = this.#upstream
    return followsInstructions && mode !== 'none' && (mode === 'all' || !isWebProduct)
  }

  /** Limit for the emulated requests of a minute, if the upstream has none of its own: a program is faster than a person. */
  get maxRpm(): number | undefined {
    return this.#upstream.isWebProduct && this.#upstream.maxRpm === undefined ? personsRpm : undefined
  }

  /**
   * What must be emulated for a request; undefined if nothing must or may be.
   * @throws ChatError `unsupported` once the service has blocked programs
   */
  lacksFor(request: ChatRequest): Lacks | undefined {
    const lacks = this.#lacksOf(request, request.model)
    if (lacks && this.#isBlocked) throw blocked(this.#upstream.name)
    return lacks
  }

  isNeeded(request: ChatRequest, model: string): boolean {
    return this.#lacksOf(request, model) !== undefined
  }

  #lacksOf(request: ChatRequest, model: string): Lacks | undefined {
    const { tools, responseFormat } = request.parameters
    const format = responseFormat?.type
    const hasTools = tools !== undefined && tools.length > 0
    const hasFormat = format === 'json' || format === 'json-schema'
    const mayLack = hasTools || hasFormat || !this.#upstream.support.parameters.tools
    if (!mayLack || request.wishes?.emulate === false || !this.isAllowed) return undefined
    const support = supportFor(this.#upstream.support, model)
    const lacks = {
      tools: this.#lacksTools(model, support) && (hasTools || request.messages.some(isOfTools)),
      format: hasFormat && !(support.parameters.responseFormat && (support.formats?.includes(format) ?? true)),
    }
    return lacks.tools || lacks.format ? lacks : undefined
  }

  #lacksTools(model: string, support: Support): boolean {
    return !support.parameters.tools || this.#refusals.has(model) || this.#options.lacksTools(model)
  }

  /** Whether a request for tools may fail because its model takes none. */
  mayRefuse({ model, parameters, wishes }: ChatRequest): boolean {
    if (!parameters.tools || wishes?.emulate === false || this.#proven.has(model)) return false
    return parameters.tools.length > 0 && this.isAllowed
  }

  /** Notes that a model has answered a request with tools. */
  prove(model: string): void {
    if (this.#proven.size >= maxProven) this.#proven.clear()
    this.#proven.add(model)
  }

  /** Notes that a model has refused tools. */
  noteRefusal(model: string): void {
    this.#refusals.add(model)
  }

  /** Stops the emulation if a service for people has blocked the account. @returns whether it has stopped just now */
  noteFailure({ reason }: ChatError): boolean {
    if (!this.#upstream.isWebProduct || !blocks.has(reason) || this.#isBlocked) return false
    this.#isBlocked = true
    return true
  }
}

/** Failures by which a service says that it does not want programs. */
const blocks: ReadonlySet<Reason> = new Set<Reason>(['challenged', 'account-banned'])

function blocked(upstream: string): ChatError {
  return new ChatError('unsupported', {
    message: `The service behind "${upstream}" has blocked a program, so the gateway no longer emulates tools for it. Choose a model of another upstream.`,
  })
}

function isOfTools(message: ChatRequest['messages'][number]): boolean {
  return message.role === 'tool' || callsOf(message).length > 0
}

const toolParameters: readonly Parameter[] = ['tools', 'toolChoice', 'parallelToolCalls']
const emulated: readonly Parameter[] = [...toolParameters, 'responseFormat']

/** What an upstream supports together with what is emulated for it. */
export function emulatedSupport(support: Support): Support {
  const { parameters, formats: _, exceptions, ...others } = support
  const added = [
    ...(parameters.tools ? [] : toolParameters),
    ...(parameters.responseFormat ? [] : ['responseFormat' as const]),
  ]
  return {
    ...others,
    parameters: { ...parameters, ...Object.fromEntries(added.map((name) => [name, 'emulated' as const])) },
    ...(exceptions && {
      exceptions: exceptions.map(({ models, lacks }) => ({
        models,
        lacks: lacks.filter((name) => !emulated.includes(name)),
      })),
    }),
  }
}
