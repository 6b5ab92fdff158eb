import type { Fields } from '../chat/message.ts'
import { builtinServer, qualifiedName } from './names.ts'
import { shapeSchema } from './schema/shape-schema.ts'
import type { Tool, ToolContext, ToolOutcome } from './tool.ts'

/** A tool that is a function of this program. */
export interface InProcessTool {
  readonly name: string
  readonly description: string
  /** JSON Schema of its arguments, which are not checked against it. */
  readonly parameters: Fields
  /** Whether it sends partial output through `onChunk`. */
  readonly supportsStreaming: boolean
  /** @throws anything: the model gets the message of the error */
  run(args: Fields, context: ToolContext): Promise<ToolOutcome>
}

/** Turns the function into a tool like those of the servers. */
export function inProcess(tool: InProcessTool): Tool {
  const { name, description, parameters, supportsStreaming } = tool
  return {
    name: qualifiedName(builtinServer, name),
    server: builtinServer,
    description,
    parameters: shapeSchema(parameters),
    supportsStreaming,
    async run(args, context) {
      context.signal.throwIfAborted()
      let isOver = false
      // output after the end is dropped
      const onChunk = (text: string) => void (isOver || context.signal.aborted || context.onChunk(text))
      try {
        return await tool.run(args, { signal: context.signal, onChunk })
      } catch (thrown) {
        context.signal.throwIfAborted()
        return { content: thrown instanceof Error ? thrown.message : String(thrown), isError: true }
      } finally {
        isOver = true
      }
    },
  }
}
