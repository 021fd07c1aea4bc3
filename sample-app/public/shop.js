const LABELS = {
  locked: 'With @Locked',
  unlocked: 'Without a lock',
  naive: 'With SET NX EX',
};
const POLL_EVERY = 150;

const byId = (id) => document.getElementById(id);
const stocks = new Map();

await start();

async function start() {
  try {
    const [about, products] = await Promise.all([request('/storms'), request('/products')]);
    byId('about').textContent = describe(about);
    for (const plan of about.plans) {
      const product = products.find(({ sku }) => sku === plan.sku);
      byId('storms').append(stormCard(plan, product, about.modes));
    }
  } catch (error) {
    byId('error').textContent = `The shop does not answer: ${error.message}`;
  }
}

function describe({ instances, store }) {
  const processes = instances.length === 1 ? 'One instance' : `${instances.length} instances`;
  return store === 'redis'
    ? `${processes}, one database, locks in Redis.`
    : `${processes}, locks in memory: no Redis was found, so the SET NX EX lock is not on offer.`;
}

function stormCard(plan, product, modes) {
  const stock = element('span', {}, String(product.stock));
  stocks.set(plan.sku, stock);
  return element(
    'article',
    { className: 'storm' },
    element('h2', {}, product.name),
    element(
      'p',
      { className: 'stock' },
      stock,
      element('small', { className: 'quiet' }, 'in stock'),
    ),
    element(
      'p',
      { className: 'quiet' },
      `${plan.orders} orders at once for ${plan.stock} pieces, ${duration(product.workMs)} of work each`,
    ),
    element(
      'div',
      { className: 'modes', role: 'group', ariaLabel: `Fire a storm at the ${product.name}` },
      ...Object.entries(LABELS).map(([mode, label]) => {
        const button = element('button', { type: 'button', className: mode }, label);
        button.dataset.offered = modes.includes(mode);
        button.disabled = !modes.includes(mode);
        button.addEventListener('click', () => fire(plan, mode));
        return button;
      }),
    ),
  );
}

async function fire(plan, mode) {
  setBusy(true);
  byId('error').textContent = '';
  byId('status').textContent = `${LABELS[mode]}: firing ${plan.orders} orders …`;
  const polling = setInterval(() => watch(plan).catch(() => undefined), POLL_EVERY);
  try {
    const result = await request('/storms', { plan: plan.name, mode });
    byId('status').textContent = `${LABELS[mode]}: ${verdict(result)}, ${duration(result.ms)}.`;
    showResult(result);
  } catch (error) {
    byId('status').textContent = 'The storm was not fired.';
    byId('error').textContent = error.message;
  } finally {
    clearInterval(polling);
    byId('progress').value = 0;
    await watch(plan).catch(() => undefined);
    setBusy(false);
  }
}

async function watch(plan) {
  const [{ storm }, product] = await Promise.all([
    request('/storms/current'),
    request(`/products/${plan.sku}`),
  ]);
  stocks.get(plan.sku).textContent = product.stock;
  byId('progress').value = storm ? storm.answered / storm.orders : 0;
}

function setBusy(busy) {
  for (const button of document.querySelectorAll('button')) {
    button.disabled = busy || button.dataset.offered !== 'true';
  }
}

function verdict({ sold, stock, oversold, errors }) {
  if (oversold > 0) return `oversold by ${oversold}`;
  if (sold < stock || errors > 0) return `${stock - sold} not sold, ${errors} errors`;
  return 'sold exactly what there was';
}

function showResult(result) {
  const right = result.sold === result.stock && result.errors === 0;
  const figures = [
    result.orders,
    result.stock,
    result.sold,
    result.left,
    result.insideAtOnce,
    result.errors,
    duration(result.ms),
  ];
  const row = element(
    'tr',
    {},
    element('td', {}, result.plan),
    element('td', {}, LABELS[result.mode]),
    ...figures.map((figure) => element('td', { className: 'figure' }, String(figure))),
    element('td', { className: right ? 'good' : 'bad' }, verdict(result)),
  );
  const body = byId('results');
  if (body.querySelector('[colspan]')) body.replaceChildren();
  body.prepend(row);
}

function duration(ms) {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** GET, or POST when there is a body; an answer that is no success throws what it says. */
async function request(path, body) {
  const response = await fetch(
    path,
    body && {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    },
  );
  const answer = await response.json();
  if (response.status === 423)
    throw new Error('A storm is running already. Try again in a moment.');
  if (!response.ok) throw new Error(answer.message ?? response.statusText);
  return answer;
}

function element(name, properties, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}
