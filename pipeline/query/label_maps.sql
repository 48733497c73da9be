-- Label maps in DuckDB 1.5 or newer, without extensions. `deno task query` loads this file, and so can you:
--   duckdb -cmd "SET VARIABLE labels = 'flowers/*.parquet'" -cmd ".read pipeline/query/label_maps.sql"
--   INSERT INTO classes FROM manifest_names('flowers/manifest.json', 'classes');
--   INSERT INTO data_set_classes FROM manifest_names('flowers/manifest.json', 'dataSetClasses');
-- The variable is a file, a pattern or a list of files; without it, as in `duckdb -init pipeline/query/label_maps.sql`,
-- labels/*.parquet. After setting it to something else, load this file again. Labels are compared with classes by the
-- names of both; if the data set has none and its label 7 is class 7: SET VARIABLE labels_are_classes = true;

SET VARIABLE labels = coalesce(getvariable('labels'), 'labels/*.parquet');

----------------------------------------------------------------------------------------------------------------- tables

-- The label maps, a row an image. class and score are the map [k, H, W] as one list: the best class of each cell row by
-- row, then the second best. top_class and top_probability are what the classifier says of the whole image, 5 classes. Folders named
-- label=3 add no columns.
CREATE OR REPLACE VIEW labels AS FROM read_parquet(getvariable('labels'), hive_partitioning = false);

-- What the files say of their maps, a row for each way they differ: one, if they belong together.
CREATE OR REPLACE TABLE label_map_formats AS
  SELECT DISTINCT (entry->>'$.classes')::INTEGER AS classes, (entry->>'$.k')::INTEGER AS k,
    (entry->>'$.grid[0]')::INTEGER AS grid_height, (entry->>'$.grid[1]')::INTEGER AS grid_width,
    entry->>'$.dtype' AS dtype, coalesce(entry->>'$.scores', 'softmax') AS scores, (entry->>'$.floor')::DOUBLE AS floor
  FROM (
    SELECT decode(value)::JSON AS entry FROM parquet_kv_metadata(getvariable('labels')) WHERE key = 'relabel'::BLOB
  ) WHERE (entry->>'$.version') = '1' AND (entry->>'$.layout') = 'hw';

-- The one format of all files: number of classes, of those in a cell (k), of cells, and the type of scores; whether these
-- are logits of classes that exclude each other (softmax), of independent ones (sigmoid; floor is the logit of classes that
-- a cell lacks), or probabilities (presence).
CREATE OR REPLACE VIEW label_map_format AS
  SELECT unnest(CASE count(*) WHEN 1 THEN any_value(label_map_formats) ELSE error(
    'Cannot read maps: the files have ' || count(*) || ' formats in their metadata entry relabel, expected 1'
  ) END) FROM label_map_formats;

-- Names of the annotator's classes, and of the data set's own, which `label` counts. Empty until they are filled.
CREATE TABLE IF NOT EXISTS classes (index INTEGER PRIMARY KEY, wnid VARCHAR, name VARCHAR);
CREATE TABLE IF NOT EXISTS data_set_classes (index INTEGER PRIMARY KEY, wnid VARCHAR, name VARCHAR);

-- The rows of such a table from a manifest.json; entry is 'classes' or 'dataSetClasses'.
CREATE OR REPLACE MACRO manifest_names(manifest, entry) AS TABLE
  SELECT (generate_subscripts(name, 1) - 1)::INTEGER AS index, unnest(wnid) AS wnid, unnest(name) AS name FROM (
    SELECT (names->'name')::VARCHAR[] AS name, (names->'wnid')::VARCHAR[] AS wnid
    FROM (SELECT content::JSON->entry AS names FROM read_text(manifest))
  );

----------------------------------------------------------------------------------------------------------- 8-bit scores

-- The magnitude that the lower 7 bits of an 8-bit float stand for (formats/labels/float8.ts), infinities and NaN aside.
CREATE OR REPLACE MACRO fp8_magnitude(x, mantissa_bits, bias) AS
  CASE WHEN x >> mantissa_bits = 0 THEN x ELSE x % (1 << mantissa_bits) + (1 << mantissa_bits) END
  * 2.0::DOUBLE ** (greatest(x >> mantissa_bits, 1) - bias - mantissa_bits);

-- All 256 values of the two formats by their bits. Looking them up takes a quarter of the time of computing them.
SET VARIABLE fp8_e4m3_values = (
  SELECT list((CASE WHEN x >= 128 THEN -1 ELSE 1 END * CASE WHEN x % 128 = 127 THEN 'nan'::DOUBLE
    ELSE fp8_magnitude(x % 128, 3, 7) END)::FLOAT ORDER BY x) FROM range(256) AS bits(x)
);
SET VARIABLE fp8_e5m2_values = (
  SELECT list((CASE WHEN x >= 128 THEN -1 ELSE 1 END * CASE WHEN x % 128 > 124 THEN 'nan'::DOUBLE
    WHEN x % 128 = 124 THEN 'infinity'::DOUBLE ELSE fp8_magnitude(x % 128, 2, 15) END)::FLOAT ORDER BY x)
  FROM range(256) AS bits(x)
);

-- The number that an 8-bit score stands for, where dtype is fp8_e4m3 or fp8_e5m2; NULL for NULL.
CREATE OR REPLACE MACRO fp8_e4m3(x) AS getvariable('fp8_e4m3_values')[x::INTEGER + 1];
CREATE OR REPLACE MACRO fp8_e5m2(x) AS getvariable('fp8_e5m2_values')[x::INTEGER + 1];

-- The probability of a class by its logit, where classes are independent.
CREATE OR REPLACE MACRO sigmoid(logit) AS 1 / (1 + exp(-logit::DOUBLE));

-- The logit that a stored score of any dtype stands for, or the probability where scores are such.
CREATE OR REPLACE MACRO score_logit(score, dtype) AS CASE dtype
  WHEN 'fp8_e4m3' THEN fp8_e4m3(score) WHEN 'fp8_e5m2' THEN fp8_e5m2(score) ELSE score::FLOAT END;

------------------------------------------------------------------------------------------------------- cells and images

-- Every entry of every map: y and x count cells from the top left, rank from 0, the best class of its cell.
CREATE OR REPLACE VIEW cells AS
  SELECT key, (place // grid_width % grid_height)::INTEGER AS y, (place % grid_width)::INTEGER AS x,
    (place // (grid_width * grid_height))::INTEGER AS rank, class, name, score_logit(score, dtype) AS logit
  FROM (
    SELECT key, generate_subscripts(class, 1) - 1 AS place, unnest(class) AS class, unnest(score) AS score FROM labels
  ) CROSS JOIN label_map_format LEFT JOIN classes ON class = index;

-- The labels with a number of each row, since keys may repeat: it rises from file to file, and from row to row.
CREATE OR REPLACE VIEW numbered_labels AS
  SELECT file_index << 32 | file_row_number AS row, * FROM read_parquet(getvariable('labels'), hive_partitioning = false);

-- The best class of each cell and its probability: softmax over the cell's classes, the 5 best at most, where each other
-- class counts as logit 0, or as the weakest of those if that is less. `part` is the number of cells that are a twenty-fifth
-- of the map.
CREATE OR REPLACE VIEW best_cells AS
  SELECT row, class, part, 1 / (1 + coalesce(exp(second - first), 0) + coalesce(exp(third - first), 0)
      + coalesce(exp(fourth - first), 0) + coalesce(exp(fifth - first), 0)
      + others * exp(least(0, first, second, third, fourth, fifth) - first)) AS probability
  FROM (
    SELECT row, class, part, others, score_logit(first, dtype)::DOUBLE AS first, score_logit(second, dtype)::DOUBLE AS second,
      score_logit(third, dtype)::DOUBLE AS third, score_logit(fourth, dtype)::DOUBLE AS fourth,
      score_logit(fifth, dtype)::DOUBLE AS fifth
    FROM (
      SELECT row, part, others, dtype, unnest(class[:cells]) AS class, unnest(score[:cells]) AS first,
        unnest(score[cells + 1:2 * cells]) AS second, unnest(score[2 * cells + 1:3 * cells]) AS third,
        unnest(score[3 * cells + 1:4 * cells]) AS fourth, unnest(score[4 * cells + 1:5 * cells]) AS fifth
      FROM numbered_labels CROSS JOIN (
        SELECT dtype, grid_height * grid_width AS cells, classes - least(k, 5) AS others,
          greatest(1, round(grid_height * grid_width / 25))::INTEGER AS part FROM label_map_format
        WHERE scores = 'softmax'
      )
    )
  );

-- Every class that a cell holds and its probability, where classes are independent. Of probabilities `part` is one cell.
CREATE OR REPLACE VIEW independent_cells AS
  SELECT row, class, part, CASE scores WHEN 'presence' THEN logit::DOUBLE ELSE sigmoid(logit) END AS probability
  FROM (
    SELECT row, class, part, scores, score_logit(score, dtype) AS logit
    FROM (
      SELECT row, part, dtype, scores, unnest(class) AS class, unnest(score) AS score FROM numbered_labels CROSS JOIN (
        SELECT dtype, scores, CASE scores WHEN 'presence' THEN 1
          ELSE greatest(1, round(grid_height * grid_width / 25))::INTEGER END AS part FROM label_map_format
        WHERE scores <> 'softmax'
      )
    )
  );

-- How surely each class is in each image, best first, by the rule of formats/labels/multi_label.ts: the mean probability
-- where the class is strongest, a twenty-fifth of the map, times extent / (extent + half of the largest other extent).
-- The extent of a class is the sum of the probabilities of the cells that it is the best of; cells below 0.05 say nothing.
-- Independent classes have no rivals: their extent counts by itself, and all classes of a cell are asked.
CREATE OR REPLACE VIEW numbered_scores AS
  SELECT row, list_transform(list_sort(list_transform(found, lambda c: {'less': -c.strongest * c.extent / (c.extent
      + rivalry * coalesce(CASE WHEN c.extent = extents[1] THEN extents[2] ELSE extents[1] END, 0)), 'class': c.class})),
    lambda c: {'class': c.class, 'score': -c.less}) AS scored
  FROM (
    SELECT row, list({'class': class, 'strongest': strongest, 'extent': extent}) AS found, max(extent, 2) AS extents,
      (SELECT CASE scores WHEN 'softmax' THEN 0.5::DOUBLE ELSE 0 END FROM label_map_format) AS rivalry
    FROM (
      SELECT row, class, list_sum(max(probability, part)) / any_value(part) AS strongest, sum(probability) AS extent
      FROM (FROM best_cells UNION ALL FROM independent_cells) WHERE probability >= 0.05 GROUP BY row, class
    ) GROUP BY row
  );

-- The same of every image, those in which no cell says anything too.
CREATE OR REPLACE VIEW image_scores AS
  SELECT key, label, coalesce(scored, []) AS scored FROM numbered_labels LEFT JOIN numbered_scores USING (row);

-- The multi-label of every image: a row for each class that is in it.
CREATE OR REPLACE MACRO multi_label(threshold := 0.3) AS TABLE
  SELECT key, class, name, score FROM (
    SELECT key, unnest(list_filter(scored, lambda c: c.score >= threshold), recursive := true) FROM image_scores
  ) LEFT JOIN classes ON class = index ORDER BY key, score DESC, class;

-- The 5 best classes of every image by their score, those below the threshold too: rank from 0; label and given are the
-- data set's own class and its name.
CREATE OR REPLACE VIEW image_labels AS
  SELECT key, label, data_set_classes.name AS given, rank, class, classes.name, score
  FROM (
    SELECT key, label, (generate_subscripts(scored[:5], 1) - 1)::INTEGER AS rank,
      unnest(scored[:5], recursive := true) FROM image_scores
  ) LEFT JOIN data_set_classes ON label = data_set_classes.index LEFT JOIN classes ON class = classes.index;

-- The same for what the classifier itself says of the whole picture: the 5 best of softmax(mean of the full map), or of its
-- sigmoid. It names
-- what fills the picture, forgets what is small, and the more so the finer the grid.
CREATE OR REPLACE VIEW classifier_labels AS
  SELECT key, label, data_set_classes.name AS given, rank, class, classes.name, probability
  FROM (
    SELECT key, label, (generate_subscripts(top_class, 1) - 1)::INTEGER AS rank, unnest(top_class) AS class,
      unnest(top_probability) AS probability FROM labels
  ) LEFT JOIN data_set_classes ON label = data_set_classes.index LEFT JOIN classes ON class = classes.index;

-- A class's name for the eye: the first of its synonyms, or its number.
CREATE OR REPLACE MACRO short_name(name, class) AS coalesce(trim(split_part(name, ',', 1)), 'class ' || class);

----------------------------------------------------------------------------------------------------------- LabelPooling

-- A crop's length in cells: at least 1, and in float32, so that 0.2 of 15 cells are 3 and not 3.0000000000000004.
CREATE OR REPLACE MACRO crop_cells(length, cells) AS greatest((length::DOUBLE * cells)::FLOAT, 1)::DOUBLE;

-- How much each of an axis's cells counts for a crop that begins at `start` and is `length` long, in fractions of the
-- axis: the mean over ceil(length in cells) evenly placed samples of linear interpolation, where a cell's number is the
-- place of its middle. As torchvision's roi_align does with sampling_ratio = -1 and aligned = False.
CREATE OR REPLACE MACRO axis_weights(start, length, cells) AS list_transform(range(cells), lambda cell: list_avg(
  list_transform(range(ceil(crop_cells(length, cells))::INTEGER), lambda sample: greatest(0, 1 - abs(cell -
    least(greatest(start::DOUBLE * cells - 0.5 + crop_cells(length, cells)
      * ((sample + 0.5) / ceil(crop_cells(length, cells))), 0), cells - 1))))
));

-- LabelPooling: the probabilities of a crop {top, left, height, width}, in fractions of the image, best first. Classes
-- that no cell of the crop holds count as logit 0, and all have the same probability; the row whose class is NULL is
-- the sum of theirs. Independent classes count in a cell that lacks them as the format's floor, or as the weakest of the cell
-- if that is less, and each has the sigmoid of its logit; the row whose class is NULL is then the probability of each that no
-- cell holds. Probabilities are averaged as they are. An error unless one image has the key.
CREATE OR REPLACE MACRO pool(crop_key, top, "left", height, width) AS TABLE
  WITH format AS (
    SELECT classes, scores, floor, axis_weights(top, height, grid_height) AS rows,
      axis_weights("left", width, grid_width) AS columns,
      k * length(list_filter(rows, lambda w: w > 0)) * length(list_filter(columns, lambda w: w > 0)) AS entries
    FROM label_map_format
    WHERE CASE WHEN least(top, "left") >= -1e-6 AND least(height, width) >= 0 AND top + height <= 1 + 1e-6
      AND "left" + width <= 1 + 1e-6 THEN true ELSE error('Cannot pool: the crop is not a part of the image') END
  ), weighed AS (
    SELECT class, name, logit, rank, rows[y + 1] * columns[x + 1] AS weight,
      CASE scores WHEN 'sigmoid' THEN least(floor, min(logit) OVER (PARTITION BY y, x)) ELSE 0 END AS lacking
    FROM cells CROSS JOIN format WHERE key = crop_key AND rows[y + 1] * columns[x + 1] > 0
  ), pooled AS (
    SELECT class, name, sum(weight * (logit - lacking)) AS logit, count(*) AS entries FROM weighed GROUP BY class, name
  ), totals AS (
    SELECT CASE sum(entries) // (SELECT entries FROM format) WHEN 1 THEN greatest(max(logit), 0) ELSE error('Cannot pool: '
        || coalesce(sum(entries) // (SELECT entries FROM format) || ' images have', 'no image has') || ' the key "'
        || coalesce(crop_key, 'NULL') || '"') END AS largest,
      (SELECT classes FROM format) - count(*) AS missing, (SELECT scores FROM format) AS scores,
      (SELECT sum(weight * lacking) FROM weighed WHERE rank = 0) AS everywhere
    FROM pooled
  ), powers AS (
    SELECT class, name, CASE scores WHEN 'softmax' THEN exp(logit - largest) WHEN 'sigmoid' THEN sigmoid(logit + everywhere)
      ELSE logit END AS power, scores FROM pooled CROSS JOIN totals
    UNION ALL
    SELECT NULL, NULL, CASE scores WHEN 'softmax' THEN missing * exp(-largest) WHEN 'sigmoid' THEN sigmoid(everywhere)
      ELSE 0 END, scores FROM totals WHERE missing > 0
  )
  SELECT class, name, power / CASE scores WHEN 'softmax' THEN sum(power) OVER () ELSE 1 END AS probability FROM powers
  ORDER BY class IS NULL, probability DESC, class;

---------------------------------------------------------------------------------------------------------------- reports

-- A name for comparing: in small letters, and with a space for each _.
CREATE OR REPLACE MACRO plain_name(name) AS lower(trim(replace(name, '_', ' ')));

-- How labels are compared with classes: by 'names', by 'numbers', or not at all, 'none'. While names are missing that
-- nobody said are not needed, labels would be taken for other classes, so that is refused.
CREATE OR REPLACE MACRO label_comparison() AS CASE
  WHEN EXISTS (FROM classes) AND EXISTS (FROM data_set_classes) THEN 'names'
  WHEN getvariable('labels_are_classes') AND NOT EXISTS (FROM data_set_classes) THEN 'numbers'
  WHEN NOT getvariable('labels_are_classes') OR NOT EXISTS (FROM labels WHERE label IS NOT NULL) THEN 'none'
  ELSE error('Cannot compare labels with classes before both have names: INSERT INTO classes FROM manifest_names('
    || '''labels/manifest.json'', ''classes''), then data_set_classes from ''dataSetClasses''; or, if the data set has no '
    || 'names and its label 7 is class 7: SET VARIABLE labels_are_classes = true') END;

-- The annotator's class for each class of the data set: of the same wnid, else of the same name, else of one of its
-- names between commas if no other class has it; case and _ for a space make no difference. By number if the data set's
-- classes have no names.
CREATE OR REPLACE VIEW label_classes AS
  WITH names AS (
    SELECT index AS class, plain_name(name) AS name, true AS whole FROM classes
    UNION ALL
    SELECT index, plain_name(unnest(string_split(name, ','))), false FROM classes WHERE contains(name, ',')
  )
  SELECT index AS label, coalesce(
    (SELECT min(classes.index) FROM classes WHERE classes.wnid = data_set_classes.wnid),
    (SELECT min(class) FROM names WHERE whole AND names.name = plain_name(data_set_classes.name)
      HAVING count(DISTINCT class) = 1),
    (SELECT min(class) FROM names WHERE names.name = plain_name(data_set_classes.name)
      HAVING count(DISTINCT class) = 1)
  ) AS class FROM data_set_classes WHERE label_comparison() = 'names'
  UNION ALL
  SELECT range, range FROM range((SELECT label_map_format.classes FROM label_map_format))
  WHERE label_comparison() = 'numbers';

-- The classes that each image carries: those whose score is at least `threshold`, best first.
CREATE OR REPLACE MACRO carried_classes(threshold := 0.3) AS TABLE
  SELECT key, label,
    list_transform(list_filter(scored, lambda c: c.score >= threshold), lambda c: c.class) AS carried FROM image_scores;

-- How many images carry no class, one, two, ...
CREATE OR REPLACE MACRO classes_per_image(threshold := 0.3) AS TABLE
  SELECT length(carried) AS carried, count(*) AS images, count(*) / sum(count(*)) OVER () AS share
  FROM carried_classes(threshold) GROUP BY ALL ORDER BY carried;

-- By class: how many images carry it, how many of those carry others too, and the share of these.
CREATE OR REPLACE MACRO multi_label_classes(threshold := 0.3) AS TABLE
  SELECT class, short_name(name, class) AS name, images, with_others, with_others / images AS share
  FROM (
    SELECT class, count(*) AS images, count(*) FILTER (others > 0) AS with_others
    FROM (SELECT unnest(carried) AS class, length(carried) - 1 AS others FROM carried_classes(threshold)) GROUP BY class
  ) LEFT JOIN classes ON class = index ORDER BY with_others DESC, images DESC, class;

-- Pairs of classes carried by the same images; lift is how many times more of them there are than if the two classes
-- had nothing to do with each other.
CREATE OR REPLACE MACRO co_occurrence(threshold := 0.3) AS TABLE
  WITH images AS MATERIALIZED (
    SELECT carried, count(*) AS images FROM carried_classes(threshold) GROUP BY carried
  ), alone AS (
    SELECT class, sum(images) AS images FROM (SELECT unnest(carried) AS class, images FROM images) GROUP BY class
  ), pairs AS (
    SELECT a, b, sum(images)::BIGINT AS images FROM (
      SELECT a, unnest(carried) AS b, images FROM (SELECT unnest(carried) AS a, carried, images FROM images)
    ) WHERE a < b GROUP BY a, b
  )
  SELECT a AS class, short_name(first.name, a) AS name, b AS other_class, short_name(second.name, b) AS other_name,
    pairs.images, pairs.images * (SELECT sum(images) FROM images) / (one.images * other.images) AS lift
  FROM pairs JOIN alone AS one ON a = one.class JOIN alone AS other ON b = other.class
    LEFT JOIN classes AS first ON a = first.index LEFT JOIN classes AS second ON b = second.index
  ORDER BY pairs.images DESC, lift DESC, a, b;

-- Refuses to rank labels that are all of no class: the list would be empty, as if none were doubtful. Else NULL.
CREATE OR REPLACE MACRO known_labels() AS CASE
  WHEN EXISTS (FROM labels JOIN label_classes USING (label) WHERE label_classes.class IS NOT NULL)
    OR NOT EXISTS (FROM labels WHERE label IS NOT NULL) THEN NULL
  ELSE error('Cannot rank labels: none is of a class that has the wnid, name or number of one of the annotator''s')::VARCHAR END;

-- Images whose label the annotator doubts most come first, by the two scores of cleanlab: self_confidence is the score of
-- the label's class in the image, 0 if no cell has it, margin that less the largest of the others. Images without a label,
-- or with one that no class of the annotator stands for (label_classes), are left out.
CREATE OR REPLACE MACRO suspicious() AS TABLE
  SELECT key, short_name(coalesce(own.name, given.name), class) AS given,
    CASE WHEN best.class IS NOT NULL THEN short_name(says.name, best.class) END AS annotator_says, self_confidence,
    self_confidence - coalesce(other, 0) AS margin
  FROM (
    SELECT key, label, label_classes.class, scored[1] AS best,
      coalesce(list_filter(scored, lambda c: c.class = label_classes.class)[1].score, 0) AS self_confidence,
      list_filter(scored[:2], lambda c: c.class <> label_classes.class)[1].score AS other
    FROM image_scores JOIN label_classes USING (label) WHERE label_classes.class IS NOT NULL
  ) LEFT JOIN data_set_classes AS own ON label = own.index LEFT JOIN classes AS given ON class = given.index
    LEFT JOIN classes AS says ON best.class = says.index
  UNION ALL
  -- Columns hang on the refusal, so that no condition on them is decided without it.
  SELECT none, none, none, none::DOUBLE, none::DOUBLE FROM (SELECT known_labels() AS none) WHERE none IS NOT NULL
  ORDER BY self_confidence, margin, key;

-- By class: of how many images it is the best, with what score on the mean, and how many carry it. Then how many are
-- labelled so, for which share of those the classifier says the same of the whole picture (agreement), or else most often
-- which other.
CREATE OR REPLACE MACRO per_class(threshold := 0.3) AS TABLE
  WITH scores AS MATERIALIZED (
    SELECT scored[1] AS best,
      list_transform(list_filter(scored, lambda c: c.score >= threshold), lambda c: c.class) AS carried FROM image_scores
  ), best AS (
    SELECT best.class AS class, count(*) AS images, avg(best.score) AS mean_score
    FROM scores WHERE best IS NOT NULL GROUP BY ALL
  ), carriers AS (
    SELECT class, count(*) AS carried FROM (SELECT unnest(carried) AS class FROM scores) GROUP BY class
  ), answers AS (
    SELECT given.class, top_class[1] AS answer, count(*) AS images
    FROM labels JOIN label_classes AS given USING (label) WHERE given.class IS NOT NULL GROUP BY ALL
  ), labelled AS (
    SELECT class, sum(images)::BIGINT AS labelled,
      coalesce(sum(images) FILTER (answer = class), 0) / sum(images) AS agreement,
      max_by(answer, (images, -answer::BIGINT)) FILTER (answer <> class) AS instead
    FROM answers GROUP BY class
  )
  SELECT class::INTEGER AS class, short_name(own.name, class) AS name, coalesce(images, 0) AS images, mean_score,
    coalesce(carried, 0) AS carried, coalesce(labelled, 0) AS labelled, agreement,
    CASE WHEN instead IS NOT NULL THEN short_name(other.name, instead) END AS instead
  FROM best FULL JOIN carriers USING (class) FULL JOIN labelled USING (class)
    LEFT JOIN classes AS own ON class = own.index LEFT JOIN classes AS other ON instead = other.index
  ORDER BY images DESC, class;

-- A class-balanced subset: of the images of which a class is the best, at most per_class with the highest score (Yalniz et
-- al., 2019, section 3.3, with one class an image); with a seed as many drawn at random, by seed and key alone. Either way of
-- images whose best score is at least `threshold`.
CREATE OR REPLACE MACRO balanced(per_class, seed := NULL, threshold := 0) AS TABLE
  SELECT key, class, short_name(name, class) AS name, score FROM (
    SELECT key, scored[1].class AS class, scored[1].score AS score FROM image_scores
    WHERE scored[1].score >= threshold
    QUALIFY row_number() OVER (
      PARTITION BY scored[1].class
      ORDER BY CASE WHEN seed IS NULL THEN -scored[1].score END, md5(seed || ':' || key), key
    ) <= per_class
  ) LEFT JOIN classes ON class = index ORDER BY class, key;

-- The classes that are the best of fewer than per_class images, and of how many.
CREATE OR REPLACE MACRO scarce_classes(per_class, threshold := 0) AS TABLE
  WITH best AS (
    SELECT scored[1].class AS class, count(*) AS images FROM image_scores WHERE scored[1].score >= threshold GROUP BY ALL
  )
  SELECT range::INTEGER AS class, short_name(name, range) AS name, coalesce(images, 0) AS images
  FROM range((SELECT label_map_format.classes FROM label_map_format))
    LEFT JOIN best ON range = class LEFT JOIN classes ON range = index
  WHERE coalesce(images, 0) < per_class ORDER BY images DESC, class;
