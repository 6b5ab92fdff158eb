import { texts } from '../../i18n/index.ts'
import { Button } from '../../kit/button.tsx'
import { attempt } from '../../kit/toast.tsx'
import { Loaded } from '../../kit/view.tsx'
import { hrefOf } from '../../router.ts'
import { askJson } from '../../session/api.ts'
import { download } from '../../session/download.ts'
import { isAdmin } from '../../session/me.ts'
import { useResource } from '../../session/resource.ts'
import { chosen, toggleChosen } from './chosen.ts'
import { OutcomeBadge } from './outcome-badge.tsx'
import { ConversationFacts, RequestFacts, RequestFigures, TokenFacts, TreatmentFacts } from './request-facts.tsx'
import { CurlPart, RequestTexts } from './request-texts.tsx'
import type { RequestDetails } from './types.ts'
import { useTitle } from './use-title.ts'
import { Waterfall } from './waterfall.tsx'

export function loadRequest(id: string, signal: AbortSignal): Promise<RequestDetails> {
  const base = isAdmin() ? '/admin/requests' : '/v1/requests'
  return askJson<RequestDetails>(`${base}/${encodeURIComponent(id)}`, { signal })
}

/** All that is known of one request. */
export function RequestDetailsView({ id }: { readonly id: string }) {
  const { details: names } = texts.value.requests
  const resource = useResource((signal) => loadRequest(id, signal), [id])
  useTitle(`${names.title} ${id}`)
  return (
    <section class="view request">
      <nav aria-label={names.back}>
        <a href={hrefOf(['requests'])}>← {names.back}</a>
      </nav>
      <header class="view-head">
        <h1 tabIndex={-1}>
          {names.title}{' '}
          <span class="id">
            <bdi>{id}</bdi>
          </span>
        </h1>
        {isAdmin() && <Actions id={id} />}
      </header>
      <Loaded resource={resource}>{(request) => <Details request={request} />}</Loaded>
    </section>
  )
}

function Actions({ id }: { readonly id: string }) {
  const words = texts.value.requests
  const [a, b] = chosen.value
  return (
    <div class="actions">
      <Button onPress={() => toggleChosen(id)}>{chosen.value.includes(id) ? words.unchoose : words.chooseThis}</Button>
      {a !== undefined && b !== undefined && (
        <a class="button main" href={hrefOf(['requests', 'diff'], { a, b })}>
          {words.compare}
        </a>
      )}
      <Button onPress={() => attempt(() => exportRequest(id))}>{words.details.export}</Button>
    </div>
  )
}

function exportRequest(id: string): Promise<void> {
  const name = `request-${id.replace(/[^\w-]/g, '_').slice(0, 80)}.json`
  return download(`/admin/requests/${encodeURIComponent(id)}/export`, name)
}

function Details({ request }: { readonly request: RequestDetails }) {
  return (
    <>
      <div class="card">
        <div class="row">
          <OutcomeBadge outcome={request.outcome} />
        </div>
        <RequestFigures request={request} />
      </div>
      <Waterfall request={request} />
      <div class="cards">
        <RequestFacts request={request} />
        <TokenFacts request={request} />
        <TreatmentFacts request={request} />
        {request.conversation && <ConversationFacts sums={request.conversation} />}
        <RequestTexts recorded={request.texts ?? null} />
        <CurlPart request={request} />
      </div>
    </>
  )
}
