import type { Runtime } from '../../../flow/runtime.ts'
import type { UpstreamStatus } from '../../../gateway/inspect.ts'
import type { LiveLook, LiveSource } from '../../exchange/live-feed.ts'
import type { Services } from '../../exchange/services.ts'
import { encodeRequest } from './encode-request.ts'
import { encodeOverview, timeOf } from './overview.ts'

/** What listeners of `GET /admin/events` are told. @param services those of the current configuration */
export function liveSource(services: () => Services, { now }: Pick<Runtime, 'now'>): LiveSource {
  return {
    look: () => look(services(), now()),
    followRequests: (listener) =>
      services().gateway.requests.follow((request) => listener(JSON.stringify(encodeRequest(request)))),
  }
}

function look(services: Services, now: number): LiveLook {
  const overviewMark = JSON.stringify(encodeOverview(services))
  return {
    overviewMark,
    overview: `{"now":${JSON.stringify(timeOf(now))},${overviewMark.slice(1)}`,
    upstreamsMark: JSON.stringify(services.gateway.inspect().upstreams.map(stateOf)),
  }
}

/** What a page of the upstreams shows, without what changes all the time. */
function stateOf({ name, accounts, usedUp, health, models, drift }: UpstreamStatus): unknown {
  return [
    name,
    accounts.map(({ label, state, renewal, source }) => [label, state, renewal?.renewedAt, source]),
    usedUp,
    [health.state, health.models.map(({ model, state }) => [model, state])],
    [models.count, models.isKnown],
    drift.map(({ id, count }) => [id, count]),
  ]
}
