import { texts } from '../../i18n/index.ts'
import { View } from '../../kit/view.tsx'

export function HomeView() {
  return <View title={texts.value.views.home}>{null}</View>
}
