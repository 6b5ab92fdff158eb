import type { ExportedAttempt, ExportedRequest } from './read-export.ts'

/** An upstream of the replay, with its attempts in their order. */
export interface StagedUpstream {
  readonly name: string
  /** Its name where the request was recorded. */
  readonly recorded: string
  readonly accounts: number
  /** By the name of the model in the replay. */
  readonly models: ReadonlyMap<string, readonly ExportedAttempt[]>
}

/** How a request is played back. */
export interface Stage {
  readonly upstreams: readonly StagedUpstream[]
  /** The definition of the route `replayed`, which asks them in the recorded order. */
  readonly route: string
}

/** The model that the replay asks for. */
export const replayedModel = 'replayed'

/** Gives each upstream and model that was asked another name, because those recorded may be any text. */
export function stage({ attempts, isPanel, isHedged }: ExportedRequest): Stage {
  const upstreams = [...Map.groupBy(attempts, ({ upstream }) => upstream)].map(([recorded, own], at) => ({
    name: `u${at + 1}`,
    recorded,
    accounts: new Set(own.map(({ account }) => account)).size,
    models: modelsOf(own),
  }))
  const legs = legsOf(attempts).map(({ upstream, model }) => {
    const staged = upstreams.find(({ recorded }) => recorded === upstream)
    const names = [...new Set(attempts.filter((one) => one.upstream === upstream).map((one) => one.model))]
    return `${staged?.name}/${modelName(names.indexOf(model))}`
  })
  const route = `${replayedModel} = ${legs.join(isPanel ? ' + ' : ' > ')}${isHedged ? ' @ hedge' : ''}`
  return { upstreams, route }
}

function modelsOf(own: readonly ExportedAttempt[]): StagedUpstream['models'] {
  return new Map([...Map.groupBy(own, ({ model }) => model).values()].map((asked, at) => [modelName(at), asked]))
}

function modelName(at: number): string {
  return `m${at + 1}`
}

/** The first attempt at each model of an upstream. */
function legsOf(attempts: readonly ExportedAttempt[]): readonly ExportedAttempt[] {
  return [...Map.groupBy(attempts, ({ upstream, model }) => `${upstream}\n${model}`).values()].flatMap(
    ([first]) => first ?? [],
  )
}

/** An attempt that ended after so many milliseconds without a reply was ended by a deadline. */
const deadlineMs = 1_000
/** Seconds of the deadlines of the replay. A hedge begins after 5 seconds of silence. */
const [shortSeconds, hedgedSeconds] = ['2', '30']

/** Whether no reply came until the deadline of the gateway. */
export function isSilent({ outcome, durationMs }: ExportedAttempt): boolean {
  return outcome === 'upstream_timeout' && durationMs >= deadlineMs
}

/** The variables of the gateway that plays a request back. @param urlOf the address of an upstream's emulator */
export function variablesFor(
  { upstreams, route }: Stage,
  urlOf: (upstream: StagedUpstream) => string,
  { isHedged }: Pick<ExportedRequest, 'isHedged'>,
): Readonly<Record<string, string>> {
  const seconds = isHedged ? hedgedSeconds : shortSeconds
  const own = upstreams.flatMap((upstream) => {
    const prefix = `UPSTREAM_${upstream.name.toUpperCase()}`
    const keys = Array.from({ length: upstream.accounts }, (_, at) => [`${prefix}_KEY_${at + 1}`, `account-${at + 1}`])
    return [[`${prefix}_URL`, urlOf(upstream)], [`${prefix}_MODELS`, [...upstream.models.keys()].join(',')], ...keys]
  })
  return {
    ...{ HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'silent', STATE_URL: 'memory:', SHUTDOWN_GRACE: '1' },
    ...{ ROUTES: route, API_REQUEST_TIMEOUT: seconds, STREAM_IDLE_TIMEOUT: seconds },
    ...Object.fromEntries(own),
  }
}
