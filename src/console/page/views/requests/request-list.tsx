import { useComputed, useSignal } from '@preact/signals'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { count } from '../../i18n/format.ts'
import { texts } from '../../i18n/index.ts'
import { Button } from '../../kit/button.tsx'
import { Empty, Loaded, View } from '../../kit/view.tsx'
import { address, hrefOf } from '../../router.ts'
import { askJson } from '../../session/api.ts'
import { isLive } from '../../session/live.ts'
import { isRecorded } from '../../session/me.ts'
import { useResource } from '../../session/resource.ts'
import { chosen } from './chosen.ts'
import { RequestFeed } from './request-feed.ts'
import { fits, readFilter } from './request-filter.ts'
import { RequestFilters } from './request-filters.tsx'
import { RequestTable } from './request-table.tsx'
import type { ListedRequest } from './types.ts'

const pageSize = 100

/** The last requests, live. */
export function RequestList() {
  const words = texts.value.requests
  const feed = useMemo(() => new RequestFeed(), [])
  const resource = useResource((signal) => loadInto(feed, signal))
  useEffect(feed.follow, [feed])
  // what ended while the stream was closed is only in the list
  useEffect(() => (isLive.value && resource.value.peek() ? resource.reload() : undefined), [isLive.value])
  return (
    <View title={texts.value.views.requests} actions={<PauseButton feed={feed} />}>
      <p class="quiet-text">{isRecorded() ? words.aboutRecorded : words.about}</p>
      <Loaded resource={resource}>{() => <FilteredList feed={feed} />}</Loaded>
    </View>
  )
}

async function loadInto(feed: RequestFeed, signal: AbortSignal): Promise<true> {
  const { data } = await askJson<{ readonly data: readonly ListedRequest[] }>('/admin/requests?limit=1000', { signal })
  feed.set(data)
  return true
}

function PauseButton({ feed }: { readonly feed: RequestFeed }) {
  const words = texts.value.requests
  const { isPaused, isRead, waiting } = feed
  return (
    <>
      <p class="quiet-text new-requests">
        {isPaused.value && words.paused} {!isPaused.value && isRead.value && waiting.value > 0 && words.held}{' '}
        {waiting.value > 0 && words.waiting(waiting.value)}
      </p>
      <Button onPress={() => void (isPaused.value = !isPaused.value)}>
        {isPaused.value ? words.goOn : words.pause}
      </Button>
    </>
  )
}

function FilteredList({ feed }: { readonly feed: RequestFeed }) {
  const words = texts.value.requests
  const filter = useComputed(() => readFilter(address.value.query))
  const found = useComputed(() => feed.requests.value.filter((request) => fits(request, filter.value)))
  const limit = useSignal(pageSize)
  const all = feed.requests.value
  const isFiltered = Object.keys(filter.value).length > 0
  if (all.length === 0 && !isFiltered) return <Empty>{words.none}</Empty>
  return (
    <>
      <RequestFilters requests={all} filter={filter.value} />
      <div class="row spread">
        <p class="quiet-text">{words.shown(count(found.value.length), count(all.length))}</p>
        {isFiltered && <a href={hrefOf(['requests'])}>{words.clear}</a>}
        <ComparePart />
      </div>
      {found.value.length === 0 ? (
        <Empty>{words.noneFits}</Empty>
      ) : (
        <ReadArea feed={feed} requests={found.value.slice(0, limit.value)} />
      )}
      {found.value.length > limit.value && (
        <Button onPress={() => void (limit.value += pageSize)}>
          {words.more(Math.min(pageSize, found.value.length - limit.value))}
        </Button>
      )}
    </>
  )
}

function ComparePart() {
  const words = texts.value.requests
  const [a, b] = chosen.value
  if (a === undefined) return null
  return (
    <div class="row compare">
      <p role="status">{words.chosen(chosen.value.length)}</p>
      {b !== undefined && (
        <a class="button main" href={hrefOf(['requests', 'diff'], { a, b })}>
          {words.compare}
        </a>
      )}
      <Button kind="quiet" onPress={() => void (chosen.value = [])}>
        {words.forgetChosen}
      </Button>
    </div>
  )
}

interface ReadAreaProps {
  readonly feed: RequestFeed
  readonly requests: readonly ListedRequest[]
}

/** Holds the list still while the pointer, the focus or a selection is in it. */
function ReadArea({ feed, requests }: ReadAreaProps) {
  const area = useRef<HTMLDivElement>(null)
  const within = useMemo(() => ({ pointer: false, focus: false }), [])
  const update = () => {
    const selection = getSelection()
    const isSelected =
      selection !== null && !selection.isCollapsed && area.current?.contains(selection.anchorNode) === true
    feed.isRead.value = within.pointer || within.focus || isSelected
  }
  const note = (part: keyof typeof within, isIn: boolean) => {
    within[part] = isIn
    update()
  }
  useEffect(() => {
    document.addEventListener('selectionchange', update)
    return () => {
      document.removeEventListener('selectionchange', update)
      feed.isRead.value = false
    }
  }, [feed])
  return (
    <div
      ref={area}
      class="table"
      onPointerEnter={({ pointerType }) => pointerType === 'mouse' && note('pointer', true)}
      onPointerLeave={() => note('pointer', false)}
      onFocusIn={() => note('focus', true)}
      onFocusOut={() => note('focus', false)}
    >
      <RequestTable requests={requests} />
    </div>
  )
}
