import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { texts } from '../../i18n/index.ts'
import { Ago } from '../../kit/ago.tsx'
import { Button } from '../../kit/button.tsx'
import { Icon } from '../../kit/icon.tsx'
import { Loaded, View } from '../../kit/view.tsx'
import { listen } from '../../session/live.ts'
import { loadOverview, type Need, type Overview, overview } from '../../session/overview.ts'
import { useResource } from '../../session/resource.ts'
import { FirstSteps } from './first-steps.tsx'
import { LastHourStrip } from './last-hour.tsx'
import { NeedCard } from './need-card.tsx'

/** What needs somebody now, the worst first, and the last hour. */
export function HomeView() {
  const resource = useResource(loadOverview)
  useEffect(() => {
    // what another view has loaded is shown at once
    const known = overview.peek()
    if (known) resource.set(known)
    return listen<Overview>('overview', (newest) => resource.set(newest))
  }, [resource])
  return (
    <View title={texts.value.views.home}>
      <Loaded resource={resource}>{(shown) => <HomeContent shown={shown} />}</Loaded>
    </View>
  )
}

function HomeContent({ shown }: { readonly shown: Overview }) {
  const { home } = texts.value
  const isFirst = shown.needs.some(({ kind }) => kind === 'no_upstream')
  const needs = shown.needs.filter(({ kind }) => kind !== 'no_upstream')
  const pressing = needs.filter(({ severity }) => severity !== 'note')
  const notes = needs.filter(({ severity }) => severity === 'note')
  return (
    <>
      {isFirst && <FirstSteps />}
      {!isFirst && pressing.length === 0 && <Fine shown={shown} hasNotes={notes.length > 0} />}
      {pressing.length > 0 && <NeedList title={home.needsYou(pressing.length)} needs={pressing} />}
      {notes.length > 0 && <NeedList title={home.notes} needs={notes} />}
      <LastHourStrip overview={shown} />
      <p class="quiet-text">
        {home.has(shown.counts)} · {home.startedAt} <Ago time={shown.started_at} />
      </p>
    </>
  )
}

function Fine({ shown, hasNotes }: { readonly shown: Overview; readonly hasNotes: boolean }) {
  const { home } = texts.value
  return (
    <section class="fine" aria-labelledby="fine">
      <span class="fine-sign">
        <Icon name="ok" />
      </span>
      <div>
        <h2 id="fine">{hasNotes ? home.nothingUrgent : home.fine}</h2>
        <p>{home.works(shown.counts)}</p>
      </div>
    </section>
  )
}

const firstShown = 12

function NeedList({ title, needs }: { readonly title: string; readonly needs: readonly Need[] }) {
  const isWhole = useSignal(false)
  const shown = isWhole.value ? needs : needs.slice(0, firstShown)
  return (
    <section class="pile">
      <h2>{title}</h2>
      <ol class="needs">
        {shown.map((need) => (
          <NeedCard key={need.id} need={need} />
        ))}
      </ol>
      {shown.length < needs.length && (
        <div>
          <Button onPress={() => void (isWhole.value = true)}>{texts.value.home.showAll(needs.length)}</Button>
        </div>
      )}
    </section>
  )
}
