import { applyBunSettings } from './bun-settings.ts'
import { holdSignals } from './commands/hold-signals.ts'

applyBunSettings()
holdSignals()
const { runCommand } = await import('./commands/run-command.ts')
const { openMachine } = await import('./wire/machine.ts')
process.exit(await runCommand(process.argv.slice(2), openMachine()))
