import { raiseFetchLimit } from './fetch-limit.ts'

raiseFetchLimit()
const { runCommand } = await import('./commands/run-command.ts')
process.exit(await runCommand(process.argv.slice(2)))
