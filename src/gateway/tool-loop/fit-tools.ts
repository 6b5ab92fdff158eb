import type { ToolBounds } from '../../chat/model.ts'
import { withoutMiddle } from '../../chat/shorten.ts'
import type { Tool } from '../../tools/tool.ts'

/** Returns the bounds that tools must keep so that each of the upstreams accepts them. */
export function tightestBounds(bounds: readonly (ToolBounds | undefined)[]): ToolBounds {
  const least = (name: keyof ToolBounds) => Math.min(...bounds.map((one) => one?.[name] ?? Number.POSITIVE_INFINITY))
  return { maxTools: least('maxTools'), maxDescription: least('maxDescription') }
}

interface Fitting {
  readonly bounds: ToolBounds
  /** The number of the client's own tools, which count first. */
  readonly sent: number
  /** The tool that the model must call. It is left out last. */
  readonly required?: string
}

/** The gateway's tools that the upstream accepts. */
interface Fitted {
  readonly tools: readonly Tool[]
  /** Names of the tools that are left out. */
  readonly omitted: readonly string[]
  /** Names of the tools with shortened descriptions. */
  readonly shortened: readonly string[]
}

/** Keeps the first tools, up to the upstream's limit, and shortens descriptions that are too long. */
export function fitTools(tools: readonly Tool[], { bounds, sent, required }: Fitting): Fitted {
  const { maxTools = Number.POSITIVE_INFINITY } = bounds
  const room = Math.max(maxTools - sent, 0)
  const isRequired = ({ name }: Tool) => name === required
  const inOrder =
    tools.length > room ? [...tools.filter(isRequired), ...tools.filter((one) => !isRequired(one))] : tools
  const kept = inOrder.slice(0, room)
  const fitted = kept.map((tool) => withinBounds(tool, bounds))
  return {
    tools: fitted,
    omitted: inOrder.slice(room).map(({ name }) => name),
    shortened: kept.filter((tool, at) => fitted[at] !== tool).map(({ name }) => name),
  }
}

/** Shortens a description that is too long. It keeps both ends, because important rules often are at the end. */
export function withinBounds(tool: Tool, { maxDescription = Number.POSITIVE_INFINITY }: ToolBounds): Tool {
  const { description = '' } = tool
  return description.length > maxDescription
    ? { ...tool, description: withoutMiddle(description, maxDescription) }
    : tool
}
