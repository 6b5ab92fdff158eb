import { holdSignals } from './commands/hold-signals.ts'
import { raiseFetchLimit } from './fetch-limit.ts'

raiseFetchLimit()
holdSignals()
const { runCommand } = await import('./commands/run-command.ts')
process.exit(await runCommand(process.argv.slice(2)))
