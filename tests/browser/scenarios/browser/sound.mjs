// Sound is off as delivered. Once it is chosen, a fill is heard: a tone at the page's loudspeaker, measured there.

export default async function sound(bench) {
  const server = await bench.server();
  const browser = await bench.browser();
  const console = await bench.console(browser, server.url, { isSettled: false });
  const { page } = console;
  // What goes to the loudspeaker goes past a meter too.
  await page.addInitScript(() => {
    window.__sound = { contexts: 0, peak: 0, hertz: [] };
    const connect = AudioNode.prototype.connect;
    AudioNode.prototype.connect = function (to, ...rest) {
      if (to instanceof AudioDestinationNode) {
        window.__meter ??= meter(to.context);
        connect.call(this, window.__meter);
      }
      return connect.call(this, to, ...rest);
    };
    function meter(context) {
      window.__sound.contexts += 1;
      const analyser = context.createAnalyser();
      const wave = new Float32Array(analyser.fftSize);
      const bins = new Uint8Array(analyser.frequencyBinCount);
      setInterval(() => {
        analyser.getFloatTimeDomainData(wave);
        const peak = Math.max(...wave.map(Math.abs));
        if (peak < 0.03) return;
        analyser.getByteFrequencyData(bins);
        window.__sound.peak = Math.max(peak, window.__sound.peak);
        window.__sound.hertz.push((bins.indexOf(Math.max(...bins)) * context.sampleRate) / analyser.fftSize);
      }, 10);
      return analyser;
    }
  });
  await page.reload();
  await console.settled();
  const heard = () => page.evaluate(() => window.__sound);
  const numFills = async () => (await console.all('Row', /filled/i)).length;

  await bench.eventually('fills are listed', async () => (await numFills()) > 0, { limit: 60_000 });
  bench.check('as delivered nothing is heard', (await heard()).contexts === 0);
  await console.press('Control+,');
  await console.click(await console.byRole('RadioButton', /^Sound: On/));
  await console.press('Escape');
  // One tone of 880 Hz is a fill; trouble has two lower ones.
  await bench.eventually('a fill is heard', async () => (await heard()).hertz.some((hertz) => Math.abs(hertz - 880) < 40), { limit: 90_000 });
  const { peak } = await heard();
  bench.figure('loudest', peak.toFixed(3));
  bench.check('softly', peak < 0.2, peak);
  console.checkQuiet();
}
