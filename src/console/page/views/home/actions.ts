import { texts } from '../../i18n/index.ts'
import { shortened } from '../../i18n/marks.ts'
import { attempt, tell } from '../../kit/toast.tsx'
import { hrefOf } from '../../router.ts'
import { ask, askJson } from '../../session/api.ts'
import { loadOverview, type Need } from '../../session/overview.ts'
import type { ReloadResult } from '../settings/types.ts'
import { pathOf } from '../upstreams/paths.ts'
import type { UpstreamTest } from '../upstreams/types.ts'

/** What somebody can do about a need: a link to the place, or something that runs at once. */
export type Action =
  | { readonly label: string; readonly href: string }
  | { readonly label: string; readonly run: () => Promise<unknown> }

/** The button of the safest next step, and perhaps a second one. */
export function actionsOf(need: Need): readonly Action[] {
  const first = (byKind[need.kind] ?? bySubject)(need)
  const { actions } = texts.value.home
  const request: Action | undefined =
    need.request === null ? undefined : { label: actions.showRequest, href: hrefOf(['requests', need.request]) }
  const all = [first, request].filter((action) => action !== undefined)
  return all.filter((action, at) => all.findIndex(({ label }) => label === action.label) === at)
}

type Choose = (need: Need) => Action | undefined

const byKind: Readonly<Record<string, Choose>> = {
  no_upstream: () => ({ label: texts.value.home.actions.addUpstream, href: hrefOf(['upstreams'], { add: 'any' }) }),
  account_needs_login: (need) => replace(need, texts.value.home.actions.newSession),
  account_expires_soon: (need) => replace(need, texts.value.home.actions.newSession),
  account_refused: (need) => replace(need, texts.value.home.actions.newCredential),
  account_challenged: test,
  account_resting: (need) => (need.facts.code === 'rested_by_operator' ? wake(need) : bySubject(need)),
  upstream_unreachable: test,
  upstream_failing: test,
  upstream_wrong_address: setting,
  model_failing: ({ upstream, model }) => ({
    label: texts.value.home.actions.showRequests,
    href: hrefOf(['requests'], { upstream: upstream ?? '', model: model ?? '' }),
  }),
  tool_server_failed: restart,
  tool_command_missing: restart,
  store_failing: () => settingCalled('STATE_URL'),
  disk_full: look,
  redis_gone: () => settingCalled('STATE_URL'),
  clock_off: look,
  budget_spent: ({ key }) => ({ label: texts.value.home.actions.raise, href: hrefOf(['keys', key ?? '']) }),
  budget_near: ({ key }) => ({ label: texts.value.home.actions.raise, href: hrefOf(['keys', key ?? '']) }),
  overloaded: ({ facts }) => settingCalled(facts.short_of === 'event-loop' ? 'WORKERS' : 'MAX_STREAMS'),
  open_to_everyone: () => settingCalled('API_MASTER_KEY'),
  weak_key: setting,
  cache_broken: ({ request }) =>
    request === null ? undefined : { label: texts.value.home.actions.showRequest, href: hrefOf(['requests', request]) },
  reload_failed: () => ({ label: texts.value.home.actions.reload, run: reload }),
  log_dropped: look,
}

/** For kinds without an action of their own: the place where the subject is shown. */
function bySubject({ upstream, tool_server, key, variable }: Need): Action | undefined {
  const { actions } = texts.value.home
  if (upstream !== null) return { label: actions.openUpstream, href: hrefOf(['upstreams', upstream]) }
  if (tool_server !== null) return { label: actions.openTools, href: hrefOf(['tools', tool_server]) }
  if (key !== null) return { label: actions.openKey, href: hrefOf(['keys', key]) }
  return variable === null ? undefined : settingCalled(variable)
}

/** Opens the upstream with the dialog in which a credential is pasted. */
function replace({ upstream, account }: Need, label: string): Action {
  return { label, href: hrefOf(['upstreams', upstream ?? ''], { replace: account ?? '' }) }
}

/** If the variable is not known, the settings of the upstream are shown. */
function setting({ variable, upstream }: Need): Action {
  return settingCalled(variable ?? upstream?.toUpperCase().replace(/-/g, '_') ?? '')
}

function settingCalled(variable: string): Action {
  return { label: texts.value.home.actions.openSetting, href: hrefOf(['settings'], { name: variable }) }
}

function look(): Action {
  return { label: texts.value.home.actions.look, run: () => attempt(() => loadOverview()) }
}

function test({ upstream }: Need): Action | undefined {
  if (upstream === null) return undefined
  return { label: texts.value.home.actions.test, run: () => attempt(() => testNow(upstream)) }
}

function wake({ upstream, account }: Need): Action | undefined {
  if (upstream === null || account === null) return undefined
  const { wake: label, woken } = texts.value.upstreams.account
  const work = () => ask(`${pathOf(upstream, account)}/wake`, { method: 'POST' }).then(() => loadOverview())
  return { label, run: () => attempt(work, woken(shortened(account))) }
}

async function testNow(upstream: string): Promise<void> {
  const path = `/admin/upstreams/${encodeURIComponent(upstream)}/test`
  const { accounts } = await askJson<UpstreamTest>(path, { method: 'POST' })
  const works = accounts.filter((account) => account.works).length
  const error = accounts.find((account) => account.error !== null)?.error
  const said = error ? ` ${shortened(error.message, 300)}` : ''
  tell(texts.value.home.tested(shortened(upstream), works, accounts.length) + said, { isBad: works < accounts.length })
  await loadOverview()
}

function restart({ tool_server }: Need): Action | undefined {
  if (tool_server === null) return undefined
  return { label: texts.value.home.actions.restart, run: () => attempt(() => restartNow(tool_server)) }
}

async function restartNow(server: string): Promise<void> {
  const path = `/admin/tool-servers/${encodeURIComponent(server)}/restart`
  const { status, why } = await askJson<{ readonly status: string; readonly why: string | null }>(path, {
    method: 'POST',
  })
  if (status === 'failed') tell(why ?? status, { isBad: true })
  else tell(texts.value.home.restarted(shortened(server)))
  await loadOverview()
}

const reload = () =>
  attempt(async () => {
    const { problems } = await askJson<ReloadResult>('/admin/reload', { method: 'POST' })
    const [first] = problems
    if (first) tell(`${first.variable}: ${first.problem} ${first.remedy}`, { isBad: true })
    else tell(texts.value.home.reloaded)
    await loadOverview()
  })
