import { callsOf, type Message, type ToolCallPart } from '../../chat/message.ts'
import type { ToolBounds } from '../../chat/model.ts'
import type { OfferedTool } from '../../chat/request.ts'
import type { Tool } from '../../tools/tool.ts'
import { fitTools, withinBounds } from './fit-tools.ts'
import { ToolSearch } from './tool-search.ts'

export interface OfferOptions {
  /** The client's tools, which come first and are never changed. */
  readonly own: readonly OfferedTool[]
  readonly bounds: ToolBounds
  /** With more tools than that, the gateway's are searched for. */
  readonly searchOver: number
  /** The tool that the model must call. */
  readonly required?: string
  /** The conversation so far, whose tools stay. */
  readonly messages: readonly Message[]
}

/** The tools of one answer. */
export interface ToolOffer {
  /** The gateway's tools that the model may call. */
  readonly tools: ReadonlyMap<string, Tool>
  /** What the model is offered in the next round. */
  offered(): readonly OfferedTool[]
  /** Called with the calls of each round. */
  note(calls: readonly ToolCallPart[]): void
  /** Names of the tools that are left out, and of those whose descriptions are shortened. */
  readonly omitted: readonly string[]
  readonly shortened: readonly string[]
  /** The number of tools that are searched for; undefined if they are listed. */
  readonly searched?: number
}

/** Fewer tools of the gateway are listed in any case. */
const minSearched = 8

/** Decides whether the model gets a list of the gateway's tools, or searches for them. */
export function offerTools(wanted: readonly Tool[], options: OfferOptions): ToolOffer {
  const { own, bounds, searchOver } = options
  const { maxTools = Number.POSITIVE_INFINITY } = bounds
  const isMany = own.length + wanted.length > searchOver && wanted.length >= minSearched
  // the tool that finds others, and one that it finds, need a place
  return isMany && own.length + 2 <= maxTools ? offerSearch(wanted, options) : offerList(wanted, options)
}

function offerList(wanted: readonly Tool[], { own, bounds, required }: OfferOptions): ToolOffer {
  const sent = own.length
  const { tools, ...left } = fitTools(wanted, { bounds, sent, ...(required !== undefined && { required }) })
  const offered = [...own, ...tools.map(toOffered)]
  return {
    tools: new Map(tools.map((tool) => [tool.name, tool])),
    offered: () => offered,
    note: () => undefined,
    ...left,
  }
}

const finder = 'find_tool'

function offerSearch(wanted: readonly Tool[], { own, bounds, required, messages }: OfferOptions): ToolOffer {
  const isTaken = own.some((tool) => tool.type === 'function' && tool.name === finder)
  const search = new ToolSearch({
    tools: wanted,
    name: isTaken ? `builtin__${finder}` : finder,
    room: (bounds.maxTools ?? Number.POSITIVE_INFINITY) - own.length - 1,
    ...(required !== undefined && { required }),
  })
  for (const message of messages) search.note(callsOf(message))
  return {
    tools: search.callable,
    offered: () => [...own, ...search.offered.map((tool) => toOffered(withinBounds(tool, bounds)))],
    note: (calls) => search.note(calls),
    omitted: [],
    shortened: [],
    searched: wanted.length,
  }
}

function toOffered({ name, description, parameters }: Tool): OfferedTool {
  return { type: 'function', name, ...(description !== undefined && { description }), parameters }
}
