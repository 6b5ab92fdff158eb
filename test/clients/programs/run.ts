import { agents } from './agents.ts'
import { aiSdk } from './ai-sdk.ts'
import { run } from './checks.ts'
import { langchain } from './langchain.ts'

// Prints what came of every check against the gateway at the first argument.

const [url = ''] = process.argv.slice(2)
console.log(JSON.stringify(await run({ ...aiSdk(url), ...agents(url), ...langchain(url) })))
process.exit(0)
