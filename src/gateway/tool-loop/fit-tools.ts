import type { ToolBounds } from '../../chat/model.ts'
import { withoutMiddle } from '../../chat/shorten.ts'
import type { Tool } from '../../tools/tool.ts'

/** The bounds that hold for whichever of several upstreams is asked. */
export function tightest(bounds: readonly (ToolBounds | undefined)[]): ToolBounds {
  const least = (name: keyof ToolBounds) => Math.min(...bounds.map((one) => one?.[name] ?? Number.POSITIVE_INFINITY))
  return { maxTools: least('maxTools'), maxDescription: least('maxDescription') }
}

interface Fitting {
  readonly bounds: ToolBounds
  /** How many tools the client sends itself: they count first. */
  readonly sent: number
  /** The one that the model has to call, which is the last to be left out. */
  readonly required?: string
}

/** The gateway's tools that the upstream can be told. */
export interface Fitted {
  readonly tools: readonly Tool[]
  /** Names of those there is no room for. */
  readonly omitted: readonly string[]
  /** Names of those whose descriptions are shortened. */
  readonly shortened: readonly string[]
}

/** As many of the tools as the upstream takes, the first ones, with descriptions of the length it takes. */
export function fitTools(tools: readonly Tool[], { bounds, sent, required }: Fitting): Fitted {
  const { maxTools = Number.POSITIVE_INFINITY, maxDescription = Number.POSITIVE_INFINITY } = bounds
  const room = Math.max(maxTools - sent, 0)
  const isRequired = ({ name }: Tool) => name === required
  const inOrder =
    tools.length > room ? [...tools.filter(isRequired), ...tools.filter((one) => !isRequired(one))] : tools
  const kept = inOrder.slice(0, room)
  const isLong = ({ description = '' }: Tool) => description.length > maxDescription
  return {
    tools: kept.map((tool) => (isLong(tool) ? shortened(tool, maxDescription) : tool)),
    omitted: inOrder.slice(room).map(({ name }) => name),
    shortened: kept.filter(isLong).map(({ name }) => name),
  }
}

/** Both ends are kept: what its schema cannot say stands at the end of a description. */
function shortened(tool: Tool, maxDescription: number): Tool {
  return { ...tool, description: withoutMiddle(tool.description ?? '', maxDescription) }
}
