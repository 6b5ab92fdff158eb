import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { texts } from '../../i18n/index.ts'
import { Button } from '../../kit/button.tsx'
import { Gradual } from '../../kit/gradual.tsx'
import { LinkButton } from '../../kit/link-button.tsx'
import { SearchField } from '../../kit/search.tsx'
import { Segments } from '../../kit/segments.tsx'
import { Empty, Loaded, View } from '../../kit/view.tsx'
import { Words } from '../../kit/words.tsx'
import { address, go, hrefOf } from '../../router.ts'
import { askJson } from '../../session/api.ts'
import { listen } from '../../session/live.ts'
import { useResource } from '../../session/resource.ts'
import { AddDialog } from './add-dialog.tsx'
import { type Condition, conditionOf } from './condition.ts'
import type { Upstream, UpstreamList } from './types.ts'
import { UpstreamCard } from './upstream-card.tsx'

const everyMs = 60_000
/** Several changes within this time are one. */
const settleMs = 400

/** The upstreams with their accounts, and what can be done with them. */
export function UpstreamsView() {
  const { upstreams: words, views } = texts.value
  const resource = useResource((signal) => askJson<UpstreamList>('/admin/upstreams', { signal }))
  useEffect(() => {
    let settling: ReturnType<typeof setTimeout> | undefined
    const end = listen('upstreams', () => {
      settling ??= setTimeout(() => {
        settling = undefined
        resource.reload()
      }, settleMs)
    })
    // the minutes of the plots go on, also while nothing else changes
    const timer = setInterval(() => !document.hidden && resource.reload(), everyMs)
    return () => {
      end()
      clearTimeout(settling)
      clearInterval(timer)
    }
  }, [resource])
  const { query, rest } = address.value
  const close = () => go(rest[0] === undefined ? ['upstreams'] : ['upstreams', rest[0]])
  return (
    <View
      title={views.upstreams}
      actions={
        <Button kind="main" icon="plus" onPress={() => go(['upstreams'], { add: 'any' })}>
          {words.add}
        </Button>
      }
    >
      <Loaded resource={resource}>
        {(list) => (
          <>
            <UpstreamCards list={list} reload={resource.reload} only={rest[0]} />
            {query.has('add') && (
              <AddDialog
                available={list.available ?? []}
                chosen={query.get('add')}
                onAdded={resource.reload}
                onClose={close}
              />
            )}
          </>
        )}
      </Loaded>
    </View>
  )
}

interface UpstreamCardsProps {
  readonly list: UpstreamList
  readonly reload: () => void
  /** The only upstream to show. */
  readonly only: string | undefined
}

function UpstreamCards({ list: { data }, reload, only }: UpstreamCardsProps) {
  const { upstreams: words } = texts.value
  const [text, condition] = [useSignal(''), useSignal<Condition | 'all'>('all')]
  if (data.length === 0) return <Empty>{words.empty}</Empty>
  const shown = data.filter(
    (upstream) =>
      (only === undefined || upstream.name === only) &&
      (condition.value === 'all' || conditionOf(upstream) === condition.value) &&
      matches(upstream, text.value.trim().toLowerCase()),
  )
  return (
    <>
      {only === undefined ? (
        <div class="row">
          <SearchField label={words.filter} value={text.value} onInput={(written) => void (text.value = written)} />
          <ConditionChoice
            data={data}
            chosen={condition.value}
            onChoose={(chosen) => void (condition.value = chosen)}
          />
        </div>
      ) : (
        <p class="row">
          <span>
            <Words text={shown.length === 0 ? words.isGone(only) : words.onlyOne(only)} />
          </span>
          <LinkButton href={hrefOf(['upstreams'])}>{words.showAll}</LinkButton>
        </p>
      )}
      {shown.length === 0 && only === undefined && <Empty>{words.noMatch}</Empty>}
      <div class="cards upstreams">
        <Gradual items={shown}>
          {(upstream) => <UpstreamCard key={upstream.name} upstream={upstream} reload={reload} />}
        </Gradual>
      </div>
    </>
  )
}

const conditions = ['all', 'failing', 'attention', 'good'] as const

interface ConditionChoiceProps {
  readonly data: readonly Upstream[]
  readonly chosen: Condition | 'all'
  readonly onChoose: (chosen: Condition | 'all') => void
}

function ConditionChoice({ data, chosen, onChoose }: ConditionChoiceProps) {
  const { states, shown } = texts.value.upstreams
  const counts = new Map<Condition | 'all', number>([['all', data.length]])
  for (const upstream of data) counts.set(conditionOf(upstream), (counts.get(conditionOf(upstream)) ?? 0) + 1)
  return (
    <Segments
      label={shown}
      value={chosen}
      options={conditions.map((value) => ({ value, text: `${states[value]} ${counts.get(value) ?? 0}` }))}
      onChoose={onChoose}
    />
  )
}

/** Whether the text is in the name, the provider, a label, or the name of a state. */
function matches({ name, provider, breaker, accounts }: Upstream, text: string): boolean {
  if (text === '') return true
  const { breaker: breakers, account } = texts.value.upstreams
  const states: Readonly<Record<string, string>> = account.states
  return [
    name,
    provider ?? '',
    breaker.state,
    breakers[breaker.state],
    ...accounts.flatMap(({ label, state }) => [label, state, states[state] ?? '']),
  ].some((word) => word.toLowerCase().includes(text))
}
