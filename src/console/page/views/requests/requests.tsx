import { address } from '../../router.ts'
import { isAdmin } from '../../session/me.ts'
import { OwnRequests } from './own-requests.tsx'
import { RequestDetailsView } from './request-details.tsx'
import { RequestDiffView } from './request-diff.tsx'
import { RequestList } from './request-list.tsx'

/** `#/requests` is the list, `#/requests/ID` one of them, and `#/requests/diff?a=&b=` compares two. */
export function RequestsView() {
  const { rest, query } = address.value
  const [id] = rest
  const [a, b] = [query.get('a'), query.get('b')]
  if (id === undefined || id === '') return isAdmin() ? <RequestList /> : <OwnRequests />
  // a client may have chosen the id "diff"
  if (id === 'diff' && a !== null && b !== null) return <RequestDiffView key={`${a} ${b}`} first={a} second={b} />
  return <RequestDetailsView key={id} id={id} />
}
