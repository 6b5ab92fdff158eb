import type { ToolServerState } from '../tools/tool.ts'
import type { Look } from './look.ts'
import type { FoundNeed, NeedKind } from './need.ts'

/** Refused requests within `refusedWithinMs` that show a lasting overload. A shorter one is over before anybody looks. */
const manyRefused = 3
const refusedWithinMs = 300_000
/** Milliseconds for which a shortage must last if it has refused nobody. */
const shortageMs = 30_000
const second = 1_000

/** What the program itself needs: its store, its tools, its settings, its machine. */
export function findProgramNeeds(look: Look): readonly FoundNeed[] {
  return [
    ...findStore(look),
    ...findLoad(look),
    ...findSettings(look),
    ...findClock(look),
    ...findReload(look),
    ...findDropped(look),
    ...look.toolServers.flatMap((server) => findToolServer(server) ?? []),
  ]
}

const storeKinds = { full: 'disk_full', unreachable: 'redis_gone', failing: 'store_failing' } as const

function findStore({ storeProblem }: Look): readonly FoundNeed[] {
  if (!storeProblem) return []
  const { kind, message } = storeProblem
  return [{ kind: storeKinds[kind], severity: 'urgent', about: { variable: 'STATE_URL' }, why: message }]
}

function findLoad({ now, shortage, requests, gateway }: Look): readonly FoundNeed[] {
  const isRefused = ({ outcome, attempts, startedAt }: Look['requests'][number]) =>
    outcome === 'overloaded' && attempts === 0 && now - startedAt < refusedWithinMs
  const refused = requests.filter(isRefused).length
  const isMany = refused >= manyRefused
  if (!shortage && !isMany) return []
  return [
    {
      kind: 'overloaded',
      severity: isMany ? 'urgent' : 'warning',
      about: {},
      facts: { short_of: shortage ?? null, refused, limit: gateway.calls.permits },
      ...(!isMany && { settlesWithinMs: shortageMs }),
    },
  ]
}

function findSettings({ settings }: Look): readonly FoundNeed[] {
  const { hasNoUpstream, isOpenToEveryone, hasWeakKey } = settings
  const warning = (kind: NeedKind, variable?: string): FoundNeed => ({ kind, severity: 'warning', about: { variable } })
  return [
    ...(hasNoUpstream ? [warning('no_upstream')] : []),
    ...(isOpenToEveryone ? [warning('open_to_everyone', 'ALLOW_UNAUTHENTICATED')] : []),
    ...(hasWeakKey ? [warning('weak_key', 'API_MASTER_KEY')] : []),
  ]
}

function findClock({ clockOffset }: Look): readonly FoundNeed[] {
  if (!clockOffset) return []
  const { offMs, hosts } = clockOffset
  return [{ kind: 'clock_off', severity: 'warning', about: {}, facts: { seconds: Math.round(offMs / second), hosts } }]
}

function findReload({ failedReload }: Look): readonly FoundNeed[] {
  if (!failedReload) return []
  const { at, problems } = failedReload
  const [first] = problems
  return [
    {
      kind: 'reload_failed',
      severity: 'warning',
      about: { variable: first?.variable },
      since: at,
      why: first && `${first.variable} ${first.problem}: ${first.remedy}.`,
      facts: { problems: problems.map(({ variable, problem, remedy }) => ({ variable, problem, remedy })) },
    },
  ]
}

function findDropped({ droppedLines }: Look): readonly FoundNeed[] {
  if (!droppedLines) return []
  return [{ kind: 'log_dropped', severity: 'note', about: {}, facts: { lines: droppedLines.count } }]
}

function findToolServer(server: ToolServerState): FoundNeed | undefined {
  const { name, transport, status, since, why, missingCommand } = server
  if (status !== 'failed') return undefined
  const [about, stderr] = [{ toolServer: name, variable: 'MCP_SERVERS' }, server.stderr ?? null]
  const shared = { severity: 'warning', about, since, why } as const
  return missingCommand === undefined
    ? { kind: 'tool_server_failed', ...shared, facts: { transport, stderr } }
    : { kind: 'tool_command_missing', ...shared, facts: { command: missingCommand, stderr } }
}
