import { Secret } from '../../src/chat/secret.ts'
import { isFields } from '../../src/tools/schema/json-types.ts'
import { open } from '../tools/servers.ts'

// A program that the conformance tests start: our client calls the tools that they name, or all tools.

const address = process.argv.at(-1) ?? ''
const context: unknown = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}')

await using tools = open([{ name: 'tested', transport: 'http', url: new Secret(address), headers: {} }])
for (const { name, args } of namedCalls() ?? (await everyTool())) await tools.run(name, args)

interface PlannedCall {
  readonly name: string
  readonly args: object
}

function namedCalls(): readonly PlannedCall[] | undefined {
  if (!isFields(context) || !Array.isArray(context.toolCalls)) return undefined
  return context.toolCalls.map((call) => ({ name: String(call.name), args: call.arguments }))
}

/** Each tool, with a value for each of its parameters. */
async function everyTool(): Promise<readonly PlannedCall[]> {
  const values: Readonly<Record<string, unknown>> = { string: 'a text', number: 2, integer: 3, boolean: true }
  return [...(await tools.list())].map(
    ([
      name,
      {
        parameters: { properties },
      },
    ]) => {
      const schemas = Object.entries(isFields(properties) ? properties : {})
      const args = schemas.map(([key, schema]) => [key, isFields(schema) ? values[String(schema.type)] : undefined])
      return { name, args: Object.fromEntries(args) }
    },
  )
}
