import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { sdkServer } from './sdk-tools.ts'

// A child process: the library's server over stdio.

await sdkServer({
  runs: 0,
  cancelled: 0,
  isChanged: false,
  hasGrown: false,
  drop: () => undefined,
  forget: () => undefined,
}).connect(new StdioServerTransport())
